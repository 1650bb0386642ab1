from pathlib import Path

import pytest

from facekp.benchmarks import exported
from facekp.inference import export
from facekp.inference.load import SHIPPED


@pytest.mark.slow
def test_each_part_is_timed(
    drawn_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CXX", "none")  # torch.compile would take minutes
    path = tmp_path / "face.onnx"
    export.main(["--out", str(path)])
    capsys.readouterr()
    exported.main([str(path), str(SHIPPED), str(drawn_root)])
    _, *rows = [line.rsplit(maxsplit=2) for line in capsys.readouterr().out.splitlines()]
    names = ["reading", "PyTorch", "PyTorch, flip test", "ONNX Runtime", "ONNX Runtime, flip test"]
    assert [row[0] for row in rows] == names
    assert all(float(row[1]) > 0 < float(row[2]) for row in rows)
