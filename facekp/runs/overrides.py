"""The stored overrides of a run folder that are used when its run is resumed.

Run folders are not trusted, so their overrides may only choose files in ``conf/`` and set plain values of existing
settings. Overrides that could name code, a place to write to or a secret are refused; the user may still give them on
the command line.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from facekp.config import CONF, Config
from facekp.runs.folder import RunFolder, check_links
from facekp.utils.errors import ConfigError
from facekp.utils.plain import plain

_KEY = re.compile(r"[a-z]\w*(\.[a-zA-Z]\w*)*", re.ASCII)
_LONGEST = 1000
_GROUPS = {path.name for path in CONF.glob("*") if path.is_dir()} - {"scheme"}  # none in a wheel
_BY_HAND = ("resume", "trust", "run_dir", "data.folder", "data.download")  # names code, or a place to write
_NUMBERS_ONLY = ("augment", "optimizer", "schedule", "callbacks", "logger")  # texts could be paths or code


def stored_overrides(run: RunFolder, typed: set[str]) -> list[str]:
    """The overrides with which a run was started, except for those that are given again.

    Raises:
        ConfigError: for the first override that is refused, with the way to give it on the command line.
        DataError: if the file is damaged, or a link leads out of the folder.
    """
    kept = [line for line in run.overrides if line.partition("=")[0] not in typed]
    for line in kept:
        try:
            _check(line)
        except (ValueError, RecursionError, HydraException) as error:
            reason = error if type(error) is ValueError else "it cannot be read"
            raise ConfigError(
                f"{run.overrides_yaml} holds {line[:200]!r}, which is not taken from a run folder: {reason}; if you "
                f"trust it, add {shlex.quote(line[:200])} to the command line"
            ) from error
    check_links(run.path, run.path)
    return kept


def _check(line: str) -> None:
    """Raise ValueError with the reason unless an override chooses a file of conf/ or sets a plain value."""
    key, equals, _ = line.partition("=")
    if not (equals and _KEY.fullmatch(key) and len(line) <= _LONGEST):
        raise ValueError("it is not setting=value")
    value, group = _value(line), key.partition(".")[0]
    if key in _GROUPS:
        if value is not None and value not in [path.stem for path in (CONF / key).glob("*.yaml")]:
            raise ValueError(f"conf/{key} has no such file")
    elif group not in {item.name for item in fields(Config)} or key in _BY_HAND:
        raise ValueError("it is no setting of data, model or training")
    elif group in _NUMBERS_ONLY and not _is_numeric(value):
        raise ValueError(f"for {group} only numbers, true, false and null are")


def _value(line: str) -> Any:
    override = OverridesParser.create().parse_override(line)
    if override.is_sweep_override():
        raise ValueError("it is a sweep")
    return plain(override.value())


def _is_numeric(value: Any) -> bool:
    return all(map(_is_numeric, value)) if isinstance(value, list) else not isinstance(value, (str, dict))
