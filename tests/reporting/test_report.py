"""The page that a person reads after a run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lightning.pytorch import Callback
from torch.utils.data import DataLoader
from torch.utils.tensorboard import SummaryWriter

from facekp.config import AugmentConfig, Config, DataConfig, ModelConfig
from facekp.data.dataset import FaceDataset
from facekp.evaluation.catalogue import CATALOGUE, HEADLINE
from facekp.evaluation.evaluate import evaluate_predictor
from facekp.landmarks.scheme import Scheme
from facekp.models.module import KeypointModule
from facekp.reporting.metrics_page import PAGE
from facekp.reporting.report import write_report
from facekp.reporting.results import write_results
from facekp.runs.folder import RunFolder
from facekp.runs.provenance import recorded
from tests.browser import assert_reads_well, browser
from tests.models.helpers import bare_trainer, tiny_module
from tests.run_folders import part, write_stored

HOSTILE = "<script>alert('x')</script>"
NAME = {
    "model": "tiny",
    "selection": "all",
    "weights": "last",
    "epoch": 3,
    "seed": 7,
    "labels": "mended",
    "split": "by hand",
}
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Reader(HTMLParser):
    """Collects what a page holds, and fails where tags are not balanced."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.headings: list[str] = []
        self.text = ""
        self.feed(page.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(f"{tag} {name}", []).append(value)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data
        if self.open and self.open[-1] == "h2":
            self.headings.append(data)


def reported(folder: Path, module: KeypointModule, records, data: str = "drawn", run: RunFolder | None = None) -> Path:
    faces = FaceDataset(records, (80, 60))
    evaluation = evaluate_predictor(module, DataLoader(faces, 4), NAME | {"data": data})
    return write_report(evaluation, write_results(evaluation, module, folder, run), module, folder, run)


@pytest.fixture(scope="module")
def page(drawn_split, tmp_path_factory) -> Path:
    """The report of a run whose network was not trained at all, on a face and data with hostile names."""
    folder = tmp_path_factory.mktemp("runs") / "first"
    folder.mkdir()
    config = Config(DataConfig("drawn"), AugmentConfig("none"), ModelConfig("tiny"), seed=7, run_dir=str(folder))
    with recorded(config, {"train": 18, "val": 6}, bare_trainer(3, Callback())), SummaryWriter(str(folder)) as writer:
        writer.add_scalar("train/loss", 0.5, 0)
    mended = replace(drawn_split.val[0], name=HOSTILE, raw=0.9 * drawn_split.val[0].keypoints)
    records = [mended, *drawn_split.val[1:]]
    return reported(folder, tiny_module((80, 60)), records, HOSTILE, RunFolder(folder))


@pytest.fixture(scope="module")
def read(page) -> Reader:
    return Reader(page)


def test_the_page_tells_all_in_its_order(read):
    assert read.headings == [
        *("What was run", "Ground truth", "Loss", "Results"),
        *("Where the error lies", "Filters and their responses", "Tables", "Architecture", "Words"),
    ]
    for words in (
        *("mean shape", "seed", "by hand", "last, after epoch 3", "epochs x 1 sample x 18 images"),
        *("CPU cores", "torch", "Conv2d(1, 2, kernel_size=(7, 7)", "2 x 54 x 74", "right_brow", "type 6, free"),
        *("frontal", "on the raw labels"),
    ):
        assert words in read.text


def test_the_figures_at_its_head_are_those_that_were_measured(read, page):
    measured = json.loads((page.parent / "metrics.json").read_text())
    for row in ("all", "frontal", "turned"):
        assert f"{measured['by_type'][row]['error_px']:.2f} px" in read.text
        assert f"mean shape {measured['mean_shape']['by_type'][row]['error_px']:.2f}" in read.text


def test_every_key_of_metrics_json_is_documented(page):
    measured = json.loads((page.parent / "metrics.json").read_text())
    documented = set(re.findall(r"[a-z_0-9]+", PAGE.read_text()))
    assert {*measured, *measured["metrics"], *measured["by_type"]["all"]} - documented <= {
        f"{prefix}{key}{suffix}" for key in HEADLINE for prefix, suffix in (("", "_turned"), ("mean_shape_", ""))
    }


def test_metrics_are_explained_at_their_columns_and_at_the_foot(read):
    for metric in CATALOGUE.values():
        assert metric.meaning in read.attributes["th title"]
        assert metric.meaning in read.text


def test_names_are_escaped(read, page):
    assert "script" not in read.tags
    assert HOSTILE in read.text
    assert HOSTILE not in page.read_text()


def test_every_picture_is_inside_the_page_and_described(read, page):
    figures = [path.stem for path in (page.parent / "figures").glob("*.png")]
    sources, descriptions = read.attributes["img src"], read.attributes["img alt"]
    assert len(sources) == len(descriptions) == len(figures)
    assert len(set(sources)) == len(set(descriptions)) == len(figures)
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert all(len(words) > 20 for words in descriptions)


def test_nothing_refers_to_the_network_or_to_an_absolute_path(read, page):
    assert set(read.attributes["a href"]) == {"#words", "metrics.json", "predictions.csv"}
    assert all((page.parent / name).is_file() for name in ("metrics.json", "predictions.csv"))
    assert read.attributes["link href"] == ["data:,"]
    assert "url(" not in page.read_text()
    assert "@import" not in page.read_text()


def test_the_layers_of_a_deep_network_are_folded_away(read, drawn_split, tmp_path):
    deep = tiny_module((80, 60), "nose_tip", _target_="facekp.models.heatmap.HeatmapNet")
    of_deep = Reader(reported(tmp_path, deep, drawn_split.val[:2]))
    assert read.attributes["details open"] == [None]
    assert "details open" not in of_deep.attributes
    assert "details" in of_deep.tags


def test_a_browser_shows_it_narrow_and_wide_light_and_dark(page, tmp_path):
    with browser(tmp_path) as chromium:
        assert_reads_well(chromium, page)


def test_data_and_runs_of_which_little_is_known_are_reported_too(drawn_split, tmp_path):
    module = tiny_module((80, 60), scheme=Scheme.unknown(58))
    read = Reader(reported(tmp_path, module, [replace(record, image_type=None) for record in drawn_split.val[:2]]))
    for absent in ("Turned against frontal", "nan", "image type", "NME", "By point group"):
        assert absent not in read.text
    assert "The command that trained this network was not recorded" in read.text


def test_a_run_made_in_parts_is_told_by_one_command_and_by_how_each_part_ended(drawn_split, tmp_path):
    parts = (
        part(finished=None, epochs=None),
        part(finished=None, epochs=2),
        part(command="python train.py resume=runs/one", epochs=4),
        part(finished=None, epochs=5),
    )
    write_stored(tmp_path, overrides=("model=tiny", "trainer.max_epochs=6"), parts=parts)
    text = Reader(reported(tmp_path, tiny_module((80, 60)), drawn_split.val[:2], run=RunFolder(tmp_path))).text
    assert "no end recorded, then 2026-01-01, interrupted after epoch 2, then 2026-01-01 to 2026-01-01" in text
    assert "this one command makes it whole" in text
    assert "python train.py model=tiny trainer.max_epochs=6" in text
    assert "trained for longer" in text
    assert f"python train.py resume={tmp_path}" in text
    assert "resume=runs/one" not in text
