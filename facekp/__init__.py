"""facekp: train, judge and use facial landmark networks on the Danes set."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facekp.inference.load import load
    from facekp.inference.predictor import Face, Predictor

__all__ = ["Face", "Predictor", "load"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, since it needs torch."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("facekp.inference.load" if name == "load" else "facekp.inference.predictor"), name)
