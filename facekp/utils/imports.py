"""A faster import of the large libraries."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import Lightning and others in the context in two thirds of the time.

    The garbage collector would visit all new objects again and again, and torchmetrics would import SciPy's signal
    module, which imports half of SciPy, for an old name of a window that nothing here uses.
    """
    gc.disable()
    try:
        if "scipy.signal" not in sys.modules:
            sys.modules["scipy.signal"] = stand_in = ModuleType("scipy.signal")
            stand_in.hamming = None  # type: ignore[attr-defined]
            try:
                import torchmetrics  # noqa: F401
            finally:
                del sys.modules["scipy.signal"]
        yield
    finally:
        gc.enable()
