"""Lightning is imported without what nothing here uses, which can be imported afterwards."""

import subprocess
import sys

import pytest

PROGRAM = """
import gc, sys
from facekp.utils.imports import quick_imports
with quick_imports():
    import lightning.pytorch
print(gc.isenabled(), *sorted({"scipy.signal", "scipy.stats", "torchvision"} & sys.modules.keys()))
import scipy.signal
print(len(scipy.signal.windows.hamming(3)))
"""


@pytest.mark.slow
def test_lightning_comes_without_half_of_scipy_which_can_be_imported_later():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True", "3"]
