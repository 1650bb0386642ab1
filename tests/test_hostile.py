"""What commands make of the corpus of hostile files."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tests.hostile import CHECKPOINTS, Trap, Workplace, checkpoint_content, write_checkpoint


@pytest.fixture
def workplace(tmp_path, monkeypatch, capfd) -> Workplace:
    place = Workplace(tmp_path, monkeypatch, capfd)
    (place.folder.parent / "hostile_module.py").write_text(f"open({str(place.canary)!r}, 'w')")
    monkeypatch.syspath_prepend(place.folder.parent)
    return place


def test_the_traps_would_spring(tmp_path):
    pickle.loads(pickle.dumps(Trap(open, str(tmp_path / "canary"), "w")))
    assert (tmp_path / "canary").exists()


def test_the_checkpoint_that_is_changed_was_honest(workplace, drawn_root):
    write_checkpoint(checkpoint_content(drawn_root), Path("run/checkpoints/last.ckpt"))
    done = workplace.command("evaluate", "ckpt_path=run", "accelerator=cpu")
    assert (done.status, done.err) == (0, "")
    workplace.assert_harmless(done)


@pytest.mark.parametrize("kind", CHECKPOINTS)
def test_a_hostile_checkpoint_is_refused(workplace, drawn_root, kind):
    content = checkpoint_content(drawn_root)
    CHECKPOINTS[kind](content, workplace.canary)
    path = write_checkpoint(content, Path("run/checkpoints/last.ckpt"))
    assert str(path.parent.parent) in workplace.assert_refused("evaluate", "ckpt_path=run", "accelerator=cpu")
