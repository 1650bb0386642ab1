"""What a person sees in TensorBoard: its real server, its web app in a real browser, and the runs of a small sweep."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from facekp.evaluation.catalogue import COMPARED, HEADLINE
from facekp.runs.command_line import hydra_main, run_command
from tests.browser import Page, browser
from tests.helpers import blank_figures
from train import train

EPOCHS = 2
NAMES = ["0_lr-0.001_seed-0", "1_lr-0.001_seed-1", "2_lr-0.0003_seed-0", "3_lr-0.0003_seed-1"]
SHEETS = ("ground truth", "augmented training faces", "mean shapes", "numbered points", "one face under augmentation")

WALK = """(() => {
  const texts = [], pictures = [];
  const walk = (node) => {
    if (node.nodeType === Node.TEXT_NODE) texts.push(node.data);
    if (node.nodeName === "IMG") pictures.push(node);
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.childNodes) if (!["STYLE", "SCRIPT", "TEMPLATE"].includes(child.nodeName)) walk(child);
  };
  walk(document.body);
  return {text: texts.join(" ").replace(/\\s+/g, " "), pictures};
})()"""
"""All that the page shows, also inside web components, which have trees of their own."""


class Board:
    """A running TensorBoard, opened in a browser."""

    def __init__(self, url: str, page: Page) -> None:
        self._url, self._page = url, page

    def see(self, tab: str, *texts: str) -> str:
        """Open a tab, wait until it shows some texts, and return all that it shows."""
        self._page.errors.clear()
        self._page.open(f"{self._url}?{tab}#{tab}", height=3000)  # what lies outside the window is not drawn
        self._page.wait_for(f"(text => {json.dumps(texts)}.every(wanted => text.includes(wanted)))({WALK}.text)")
        assert self._page.errors == []
        return self._page.run(f"{WALK}.text")

    def count_pictures(self, at_least: int) -> None:
        """Wait until so many pictures have been loaded and can be drawn."""
        self._page.wait_for(f"{WALK}.pictures.filter(each => each.naturalWidth > 100).length >= {at_least}")

    def ask(self, path: str, **question: object) -> dict:
        """The server's response to the app."""
        body = json.dumps(question).encode() if question else None
        with urlopen(Request(self._url + path, body, {"Content-Type": "application/json"}), timeout=30) as response:
            return json.load(response)


@contextmanager
def serving(logdir: Path, output: Path) -> Iterator[str]:
    """The address of a TensorBoard on loopback that has read its runs; it ends with the block."""
    server = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logdir), "--host", "127.0.0.1", "--port", "0"]
    with output.open("w") as file:
        process = subprocess.Popen(server, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + 60
        while not (found := re.search(r"at (http://127\.0\.0\.1:\d+/)", output.read_text())):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, "TensorBoard does not start"
            time.sleep(0.1)
        wanted = len(list({path.parent for path in logdir.rglob("*tfevents*")}))
        while len(json.load(urlopen(found[1] + "data/runs", timeout=30))) < wanted:
            assert time.monotonic() < deadline, "TensorBoard does not find the runs"
            time.sleep(0.1)
        yield found[1]
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def sweep(drawn_root, tmp_path_factory) -> Path:
    """Four finished runs over two learning rates and two seeds."""
    folder = tmp_path_factory.mktemp("sweep")
    typed = [
        *("train.py", "-m", "model=nose", "optimizer.lr=1e-3,3e-4", "seed=0,1", f"trainer.max_epochs={EPOCHS}"),
        *(f"data.root={drawn_root}", "data.split=person_folds", "data.folds=4", "trainer.accelerator=cpu"),
        "model.samples_per_image=1",
        *("callbacks.pictures.faces=2", f"hydra.sweep.dir={folder}"),
    ]
    with blank_figures(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("HYDRA_FULL_ERROR", "1")
        patch.setattr(sys, "argv", typed)
        run_command(hydra_main("train", train))
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[Page]:
    with browser(tmp_path_factory.mktemp("profile")) as shown:
        yield shown


@pytest.fixture(scope="module")
def board(sweep, page, tmp_path_factory) -> Iterator[Board]:
    """All runs of the sweep."""
    with serving(sweep, tmp_path_factory.mktemp("board") / "output") as url:
        yield Board(url, page)


@pytest.fixture(scope="module")
def board_of_one(sweep, page, tmp_path_factory) -> Iterator[Board]:
    """One run."""
    with serving(sweep / NAMES[0], tmp_path_factory.mktemp("board") / "output") as url:
        yield Board(url, page)


def test_the_runs_of_a_sweep_are_told_apart(board):
    shown = board.see("scalars", *NAMES)
    assert re.findall(r"\d_lr-[\d.]+_seed-\d\S*", shown)[:4] == NAMES


def test_all_scalars_are_curves_of_training_or_validation(board_of_one):
    board_of_one.see("scalars", "tag: train/loss", "tag: train/lr")
    (tags,) = board_of_one.ask("data/plugin/scalars/tags").values()
    assert {tag.split("/")[0] for tag in tags} == {"train", "val"}


def test_training_and_validation_loss_share_a_chart(board, board_of_one):
    for shown_by, runs in ((board_of_one, 1), (board, 4)):
        shown_by.see("custom_scalars", "training and validation", f"Matches ({2 * runs})", f"Matches ({3 * runs})")
    (losses, errors) = board.ask("data/plugin/custom_scalars/layout")["category"]
    assert losses["chart"][0]["multiline"]["tag"] == ["train/loss", "val/loss"]
    scalars = board.ask("data/plugin/scalars/tags")
    charted = {tag for category in (losses, errors) for chart in category["chart"] for tag in chart["multiline"]["tag"]}
    assert all(charted <= scalars[name].keys() for name in NAMES)


def test_the_time_series_tab_shows_losses_and_pictures(board_of_one):
    validated = f"val {3 * len(HEADLINE) + 2} cards"  # each also of turned faces and of the mean shape; loss and spread
    board_of_one.see("timeseries", "train 2 cards", validated, f"view {len(SHEETS) + 1} cards")


def test_pictures_can_be_looked_at(board_of_one):
    board_of_one.see("images", "view/predictions", *(f"view/{sheet}" for sheet in SHEETS))
    board_of_one.count_pictures(at_least=len(SHEETS) + 1)
    (tags,) = board_of_one.ask("data/plugin/images/tags").values()
    assert sorted(tags) == sorted(["view/predictions", *(f"view/{sheet}" for sheet in SHEETS)])


def test_the_text_tells_command_data_and_config(board, drawn_root):
    shown = board.see("text", "settings", "python ", f"root: {drawn_root}")
    about = "nose on danes, mended labels, split person fold 0 of 4, seed 0: 18 training images, 6 validation images"
    assert about in shown
    assert f"train.py model=nose optimizer.lr=0.001 seed=0 trainer.max_epochs={EPOCHS}" in shown
    assert "lr: 0.001" in shown


def test_a_sweep_can_be_sorted_by_its_final_figures(board, sweep):
    metrics = [f"val/{name}" for name in COMPARED]
    shown = board.see("hparams", "Trial ID", *metrics)
    columns = shown[shown.index("Trial ID") :]
    wanted = ("augment", "batch_size", "lr", "model", "seed", *metrics)
    places = [columns.index(f" {name} ") for name in wanted]
    assert places == sorted(places)

    sorting = [{"metric": {"tag": metrics[0]}, "order": "ORDER_ASC", "missingValuesFirst": False}]
    request = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": sorting}
    groups = board.ask("data/plugin/hparams/session_groups", **request, startIndex=0, sliceSize=10)["sessionGroups"]
    errors = {run: json.loads((sweep / run / "metrics.json").read_text())["metrics"]["error_px"] for run in NAMES}
    assert [group["name"] for group in groups] == sorted(NAMES, key=errors.__getitem__)
    for group in groups:
        name = group["name"]
        found = {value["name"]["tag"]: value["value"] for value in group["metricValues"]}
        assert found[metrics[0]] == pytest.approx(errors[name], rel=1e-6)
        assert name.endswith(f"lr-{group['hparams']['lr']:g}_seed-{group['hparams']['seed']}")
