import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from facekp.config import AugmentConfig, Config, DataConfig, ModelConfig
from facekp.landmarks.scheme import DANES
from facekp.reporting.data_browse import draw, read_chosen, run
from facekp.utils.errors import ConfigError, DataError

SHEETS = ["ground_truth", "mean_shapes", "augmentation", "numbered_points"]


def config_of(root: Path, selection: str = "nose_tip", **settings) -> Config:
    reader = {"_target_": "facekp.data.readers.danes.DanesReader"}
    turn = {"turn": {"_target_": "albumentations.Affine", "rotate": [-15, 15], "p": 1.0}}
    return Config(
        data=DataConfig(name="drawn", reader=reader, root=str(root), **settings),
        augment=AugmentConfig(name="turn", mirror=0.5, transforms=turn),
        model=ModelConfig(name="nose", input_size=[80, 60], selection=selection),
        seed=5,
    )


@pytest.fixture(scope="module")
def sheets(drawn_root) -> dict[str, Figure]:
    config = config_of(drawn_root)
    records, scheme = read_chosen(config.data)
    return dict(draw(config, records, scheme))


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text")))


def test_each_sheet_is_drawn_and_says_on_which_data(sheets):
    assert list(sheets) == SHEETS
    for figure in sheets.values():
        assert "drawn, mended labels" in words(figure)


def test_faces_are_shown_as_the_network_sees_them_and_numbers_on_the_photograph(sheets):
    for name, shape in (("ground_truth", (60, 80)), ("augmentation", (60, 80))):
        assert {panel.images[0].get_array().shape for panel in sheets[name].axes} == {shape}
        assert "80x60" in words(sheets[name])
    assert sheets["numbered_points"].axes[0].images[0].get_array().shape == (480, 640)


def test_the_augmentation_is_the_configured_one(sheets):
    assert "augment=turn, seed 5" in words(sheets["augmentation"])
    drawn = {panel.images[0].get_array().tobytes() for panel in sheets["augmentation"].axes}
    assert len(drawn) == len(sheets["augmentation"].axes)


def test_the_sheets_are_written_and_their_paths_printed(drawn_root, tmp_path, capsys):
    paths = run(config_of(drawn_root, persons=[1, 1]), tmp_path / "new" / "sheets")
    assert [path.stem for path in paths] == SHEETS
    assert capsys.readouterr().out.split() == [str(path) for path in paths]
    for path in paths:
        assert Image.open(path).format == "PNG"


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"selection": "nosetip"}, ConfigError, "no selection 'nosetip'"),
        ({"persons": [9, 12]}, ConfigError, r"data\.persons=\[9, 12\] leaves nobody"),
    ],
)
def test_mistakes_are_answered_before_anything_is_drawn(drawn_root, tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        run(config_of(drawn_root, **settings), tmp_path / "sheets")
    assert not (tmp_path / "sheets").exists()


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="nowhere"):
        run(config_of(tmp_path / "nowhere"), tmp_path)


@pytest.mark.parametrize("module", ["check", "browse"])
def test_nothing_heavy_is_imported_before_the_data_are_read(module):
    heavy = {"torch", "matplotlib", "albumentations"}
    code = f"import sys, facekp.reporting.data_{module}; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()", done.stderr


def test_read_chosen_takes_the_first_to_the_last_person(drawn_root):
    records, scheme = read_chosen(config_of(drawn_root, persons=[2, 3]).data)
    assert scheme is DANES
    assert [record.person for record in records] == [2] * 6 + [3] * 6
