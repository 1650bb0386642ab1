"""facekp: train, judge and use facial landmark networks on the Danes set."""

__version__ = "0.1.0"
