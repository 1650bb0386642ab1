"""The mistakes that a user can make, and nothing else.

Each message says what is wrong, where, and what to do about it, so the command line can print it as it is.
"""

import difflib
from collections.abc import Iterable


def closest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that was probably meant, or nothing."""
    matches = difflib.get_close_matches(word, known, n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""


class FacekpError(Exception):
    """Something that the user can put right; shown without a traceback."""


class ConfigError(FacekpError):
    """A setting that has no meaning, or that does not go with another one."""


class DataError(FacekpError):
    """A file or folder of the data set that cannot be used."""


class CheckpointError(FacekpError):
    """A checkpoint that cannot be read, or that belongs to something else."""
