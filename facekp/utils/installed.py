"""Imported first by every command; exits with one sentence if the packages are not installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec

if any(find_spec(package) is None for package in ("hydra", "lightning", "rich")):
    sys.exit(
        "Error: facekp's packages are not installed in this Python: run `make setup` and then `. .venv/bin/activate`"
    )
