from __future__ import annotations

import shutil
import subprocess
import sys

import pytest
import torch

import facekp
from facekp.inference import load as loading
from facekp.utils.errors import CheckpointError


def test_the_import_of_the_package_alone_is_light():
    asked = "import sys, facekp; assert not {'torch', 'numpy', 'cv2', 'PIL'} & set(sys.modules); facekp.load"
    subprocess.run([sys.executable, "-c", asked], check=True, timeout=60)


def test_the_package_has_no_other_names():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = facekp.nothing


def test_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    for path in (loading.SHIPPED, loading.SHIPPED.with_suffix(".sha256")):
        shutil.copy(path, tmp_path)
    copy = tmp_path / loading.SHIPPED.name
    monkeypatch.setattr(loading, "SHIPPED", copy)
    content = bytearray(copy.read_bytes())
    content[len(content) // 2] ^= 1
    copy.write_bytes(content)
    with pytest.raises(CheckpointError, match="not the file that was published"):
        facekp.load()
    copy.unlink()
    with pytest.raises(CheckpointError, match="install facekp again"):
        facekp.load()


def test_the_shipped_file_is_a_checkpoint_like_any_other(predictor):
    module = facekp.load(loading.SHIPPED)._module
    assert loading.SHIPPED.stat().st_size < 1_600_000
    assert not module.training
    assert all(values.dtype == torch.float32 for values in module.network.parameters())
