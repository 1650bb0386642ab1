"""The command line: Hydra composes the config, a user's mistake is printed as one short paragraph."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from facekp.config import checked, register
from facekp.errors import FacekpError, closest

CONF = Path(__file__).parent.parent / "conf"


def command(config_name: str, task: Callable[[Any], Any]) -> None:
    """Run ``task`` on the config composed from the command line, and exit with a status.

    Args:
        config_name: the file under ``conf/`` that the command starts from.
        task: takes the checked config; what it returns is the objective of a sweep.

    A mistake of the user ends in one paragraph on stderr and exit status 1. ``HYDRA_FULL_ERROR=1`` shows the traceback.
    """
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then hands its exceptions on, so that they are worded here
    register()

    failed = []

    def run(config: DictConfig) -> Any:
        try:
            return task(checked(config))
        except FacekpError as error:
            if wants_traceback:
                raise
            print(f"Error: {error}", file=sys.stderr)
            failed.append(error)  # the other runs of a sweep go on
            return float("nan")

    try:
        hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(run)()
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
    except (HydraException, OmegaConfBaseException) as error:
        if wants_traceback:
            raise
        print(f"Error: {explain(error)}", file=sys.stderr)
        sys.exit(1)
    if failed:
        sys.exit(1)


def resuming(arguments: list[str]) -> list[str]:
    """Complete the arguments of a run that goes on from a checkpoint, so that it need not be described again.

    With ``ckpt_path=`` a checkpoint inside a run folder, or the folder, the overrides that the run was begun with come
    first, those given now replace them, and the run folder stays the same. Other arguments are returned as they are.
    """
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    if "ckpt_path" not in given:
        return arguments
    path = Path(given["ckpt_path"].strip("'\"")).expanduser()
    run_dir = path if path.is_dir() else path.parent.parent
    stored = run_dir / ".hydra" / "overrides.yaml"
    if not stored.is_file():
        return arguments
    kept = [str(line) for line in OmegaConf.load(stored) if str(line).split("=", 1)[0] not in given]
    return [*kept, *arguments, f"hydra.run.dir='{run_dir}'"]


def shown(path: Path) -> str:
    """A path as a person would type it: relative to the working folder where it lies inside."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def explain(error: Exception) -> str:
    """One sentence for a user's mistake: what, where and what to do."""
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
