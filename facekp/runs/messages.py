"""One sentence for each mistake that a user can correct; without Hydra, which some commands do not need."""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from facekp.utils.errors import ConfigError, FacekpError, closest
from facekp.utils.terminal import one_line

_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)
_SHOWN = 30  # characters on each side of a fault
_IMPOSSIBLE = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


@contextmanager
def exit_on_mistakes() -> Iterator[None]:
    """Print the sentence for an error that the user can correct, and exit: with 2 for a wrong option, or else 1.

    ``HYDRA_FULL_ERROR=1`` shows the traceback.
    """
    try:
        yield
    except Exception as error:
        text = error_message(error)
        if text is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        print(f"Error: {text}", file=sys.stderr)
        sys.exit(2 if isinstance(error, ConfigError) else 1)


def error_message(error: Exception) -> str | None:
    """One sentence for an error that the user can correct: what, where and what to do; None for any other."""
    text = _message(error)
    return None if text is None else one_line(text)


def _message(error: Exception) -> str | None:
    if isinstance(error, FacekpError):
        return str(error)
    if {kind.__module__.partition(".")[0] for kind in type(error).__mro__} & {"hydra", "omegaconf"}:
        return _hydra_message(error)
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return (
            f"{error.filename or 'a file'} cannot be written ({error.strerror}); make room or choose another place, "
            "and give the command again; a training that had begun goes on with resume=<its folder>"
        )
    if isinstance(error, OSError) and error.errno in _IMPOSSIBLE and error.filename is not None:
        return f"{error.filename} cannot be used ({error.strerror}); choose another path"
    if isinstance(error, UnicodeEncodeError) and error.reason == "surrogates not allowed":
        around = error.object[max(0, error.start - _SHOWN) : error.end + _SHOWN]
        return f"a name that is not UTF-8 cannot be written everywhere: {around}; rename it"
    if isinstance(error, ValueError) and str(error).startswith("Config group override must be"):  # of Hydra
        return "a group of settings takes the name of one of its files, not null; ~logger leaves out the group logger"
    if type(error).__name__ == "MisconfigurationException":  # of Lightning, which may not be imported yet
        return " ".join(str(error).split())
    if isinstance(error, MemoryError) or re.search("allocate memory|out of memory", str(error)):
        return "there is not enough memory; make data.batch_size, model.input_size or model.network smaller"
    if other_process_ended(error):
        return "another process of this run has ended before its time; what it said tells why"
    return None


def _hydra_message(error: Exception) -> str:
    from hydra.errors import MissingConfigException
    from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

    if isinstance(error, MissingConfigException) and error.options:
        group, _, option = (error.missing_cfg_file or "").rpartition("/")
        return f"there is no {group}={option}; choose one of {', '.join(error.options)}{closest(option, error.options)}"
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, (ConfigKeyError, ConfigAttributeError)):
        siblings = [str(key) for key in cause.parent_node] if cause.parent_node else []
        return (
            f"there is no setting {cause.full_key}{closest(str(cause.key), siblings)}; "
            "--cfg job lists all that can be set"
        )
    if isinstance(cause, ValidationError):
        return f"{cause.full_key}: {str(cause).splitlines()[0]}"
    return " ".join(line.strip() for line in str(error).splitlines() if line.strip())


def other_process_ended(error: Exception) -> bool:
    """Whether an error of gloo means that another process of the run has ended."""
    return isinstance(error, RuntimeError) and "Connection closed by peer" in str(error)
