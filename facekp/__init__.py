"""facekp: train, judge and use facial landmark networks on the Danes set."""

from importlib import import_module
from typing import Any

__all__ = ["Face", "Predictor", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, since it needs torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"facekp.inference.{name.lower()}"), name)
