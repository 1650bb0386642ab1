"""What is printed on a terminal, with and without colours, and where there is none."""

from __future__ import annotations

import os
import pty
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Thread

import pytest

from facekp.training.progress import EpochLines, ProgressBar, progress
from facekp.utils.terminal import console, display_path, print_table
from tests.training.test_callbacks import fit

ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def typed_on(monkeypatch):
    """Calls a function with a terminal of so many columns as its stdout, and tells what came out there."""
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")

    def typed(columns: int, call: Callable[[], object]) -> str:
        ours, theirs = pty.openpty()
        found: list[bytes] = []
        reader = Thread(target=_drain, args=(ours, found), daemon=True)
        reader.start()
        with os.fdopen(theirs, "w", encoding="utf-8") as terminal, monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            patch.setattr(sys, "stdout", terminal)
            call()
        reader.join(30)
        os.close(ours)
        return b"".join(found).decode()

    return typed


def _drain(descriptor: int, found: list[bytes]) -> None:
    with suppress(OSError):  # what reading ends with when the other side is closed
        while more := os.read(descriptor, 1 << 16):
            found.append(more)


WIDE = (
    ("image type", "mean px", "median", "worst", "to curve", "MSE px²", "NME", "PCK@5%", "PCK@10%"),
    [("all, mean shape", *["123.45"] * 8)],
)


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_table_is_as_wide_as_the_terminal_and_no_cell_is_folded(typed_on, columns):
    title = "nose, last weights (epoch 14): danes, mended labels, split course, 48 images, and more of what matters"
    lines = ESCAPE.sub("", typed_on(columns, lambda: print_table(*WIDE, title))).splitlines()
    assert lines[0] == title
    assert all(len(line) <= columns for line in lines[1:])
    row = next(line for line in lines if "mean shape" in line)
    assert "all, mean shape" in row
    shown = row.count("123.45")
    assert 0 < shown <= 8
    left_out = " ".join(lines).partition("no room for: ")[2]
    assert shown + len([name for name in left_out.split(",") if name]) == 8
    assert (shown == 8) == (columns == 120)
    assert "mean px" not in left_out


def test_no_color_means_no_styles_either(typed_on, monkeypatch):
    assert STYLE.search(typed_on(80, lambda: print_table(*WIDE, "title")))
    monkeypatch.setenv("NO_COLOR", "1")
    assert not ESCAPE.search(typed_on(80, lambda: print_table(*WIDE, "title")))


def test_without_a_terminal_tables_have_room_and_no_escapes(capsys):
    print_table(*WIDE, "title")
    shown = capsys.readouterr().out
    assert "PCK@10%" in shown
    assert "no room" not in shown
    assert "\x1b" not in shown
    assert console().width == console(stderr=True).width > 100


HOSTILE = ["[/bold]", "[bold]x", "[link=x]y[/link]", ":smile:", "a\x1b[31mred", "\x9b31m", "a\u202eb", "\udce9"]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_from_outside_is_neither_markup_nor_control(typed_on, text):
    def show() -> None:
        print_table((text, "value"), [(text, "1")], text)
        console().print(text, highlight=False)
        print(display_path(Path(text)))

    seen = ESCAPE.sub("", typed_on(120, show))
    assert seen.count(ascii(text)[1:-1]) == 5
    assert not set(seen) & set("\x1b\x9b\u202e\udce9")


def test_a_path_is_one_line():
    assert display_path(Path.cwd() / "a\nb") == r"a\nb"


@pytest.mark.parametrize("columns", [80, 120])
def test_the_bar_tells_epoch_time_left_and_losses_at_their_size(typed_on, monkeypatch, drawn_split, columns):
    monkeypatch.setattr("facekp.training.progress._metrics", lambda trainer: "train/loss 0.001234  val/loss 1.2e-05")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = typed_on(columns, lambda: fit(drawn_split, progress(True)))
    assert not STYLE.search(shown)
    frames = [frame for frame in re.split(r"[\r\n]+", ESCAPE.sub("", shown)) if frame.strip()]
    bars = [frame for frame in frames if frame.startswith("epoch")]
    assert all(len(bar) <= columns for bar in bars)
    last = re.fullmatch(r"epoch 2/2 (━+) took \d+:\d\d loss 0\.001234  val/loss 1\.2e-05 *", bars[-1])
    assert last, bars[-1]
    assert len(last[1]) > 10
    assert any(re.search(r"epoch 1/2 .* loss ", bar) for bar in bars)
    assert frames == bars


def test_the_bar_is_drawn_only_on_a_terminal_that_can_and_if_wanted(typed_on, monkeypatch):
    def kind(wanted: bool) -> str:
        return typed_on(80, lambda: print(type(progress(wanted)).__name__)).strip()

    assert kind(True) == ProgressBar.__name__
    assert kind(False) == EpochLines.__name__
    monkeypatch.setenv("TERM", "dumb")
    assert kind(True) == EpochLines.__name__


def test_a_failure_before_the_first_step_is_not_hidden_by_the_bar(drawn_split):
    class Broken(ProgressBar):
        def on_fit_start(self, trainer, pl_module):
            raise RuntimeError("before the first step")

    with pytest.raises(RuntimeError, match="before the first step"):
        fit(drawn_split, Broken())
