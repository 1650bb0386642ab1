"""Exceptions for the mistakes of a user.

Each message says what is wrong, where, and what to do, so that the command line can print it unchanged.
"""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the most similar known one, or nothing."""
    matches = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""


class FacekpError(Exception):
    """A mistake that the user can correct; shown without a traceback."""


class ConfigError(FacekpError):
    """A setting that is invalid, or does not fit another one."""


class DataError(FacekpError):
    """A file or folder of a data set that cannot be used."""


class CheckpointError(FacekpError):
    """A checkpoint that cannot be read, or does not fit."""
