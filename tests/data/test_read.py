from pathlib import Path

import pytest

from facekp.config import DataConfig
from facekp.data.read import STANDIN_NAME, prepare_data, read_records
from facekp.data.readers.danes import DanesReader
from facekp.utils.errors import DataError

NOWHERE = ["http://127.0.0.1:9/imm_face_db.zip"]


def config(folder: Path, **settings) -> DataConfig:
    return DataConfig(name="danes", folder=str(folder), people=2, **settings)


def test_a_folder_that_is_named_is_taken_as_it_is(tmp_path):
    named = config(tmp_path, root="somewhere", download=NOWHERE, on_missing="standin")
    assert prepare_data(named) is named
    assert list(tmp_path.iterdir()) == []


def test_without_the_set_faces_are_drawn_once_and_called_so(tmp_path, capsys):
    asked = config(tmp_path, download=NOWHERE, on_missing="standin")
    got = prepare_data(asked)
    assert got.name == STANDIN_NAME
    records = DanesReader().read(Path(str(got.root)), "raw")
    assert len(records) == 12
    notice = " ".join(capsys.readouterr().err.replace("│", "").split())
    assert "STAND-IN FACES" in notice
    assert "could not be downloaded" in notice
    before = records[0].image.stat().st_mtime_ns
    assert prepare_data(asked) == got
    assert records[0].image.stat().st_mtime_ns == before


def test_stand_in_faces_can_be_asked_for_outright(tmp_path):
    assert prepare_data(config(tmp_path, on_missing="standin")).name == STANDIN_NAME


def test_stand_in_faces_can_be_ruled_out(tmp_path):
    with pytest.raises(DataError, match="could not be downloaded"):
        prepare_data(config(tmp_path, download=NOWHERE, on_missing="error"))
    assert not (tmp_path / "danes").exists()


def test_a_folder_that_holds_something_else_is_never_passed_over(tmp_path):
    (tmp_path / "danes").mkdir()
    (tmp_path / "danes" / "01-1m.asf").write_text("edited by hand")
    with pytest.raises(DataError, match="is not the Danes set as it was published"):
        prepare_data(config(tmp_path, download=NOWHERE, on_missing="standin"))
    assert (tmp_path / "danes" / "01-1m.asf").read_text() == "edited by hand"


def test_an_empty_root_is_no_root(tmp_path):
    assert prepare_data(config(tmp_path, root="", on_missing="standin")).name == STANDIN_NAME
    with pytest.raises(DataError, match=r"no data folder is known; set data\.root"):
        read_records(config(tmp_path, root="", on_missing="error"))


def test_other_data_is_left_to_its_reader(tmp_path):
    asked = config(tmp_path)
    assert prepare_data(asked) is asked
