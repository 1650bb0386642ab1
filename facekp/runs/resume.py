"""Going on with a run, or with a sweep's: which folder is meant, how it was begun, and whether it has finished."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError  # type: ignore[import-untyped]

from facekp.config import Config
from facekp.utils.errors import ConfigError
from facekp.utils.files import write_text

LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")
"""Within a run folder, what a run goes on from."""

ERROR = "error.txt"
"""Within the folder of a sweep's job: why it failed."""

_OUTPUTS = Path("outputs")


def resuming(arguments: list[str]) -> list[str]:
    """Complete the arguments of a run that goes on, so that it need not be described again.

    With ``resume=<run folder>``, or ``resume=last`` for the newest one, the overrides that the run was begun with come
    first, those given now replace them, and the run folder stays the same. Other arguments are returned as they are.

    Raises:
        ConfigError: if there is no such run, a sweep is asked for, or one is asked for where another one lies.
    """
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    is_sweep = bool({"-m", "--multirun"} & set(arguments))
    if is_sweep and "hydra.sweep.dir" in given:
        _check_sweep(Path(given["hydra.sweep.dir"].strip("'\"")), arguments)
    if "resume" not in given:
        return arguments
    if is_sweep:
        raise ConfigError(
            "resume goes on with one run; a sweep goes on when its command is given again, "
            "with hydra.sweep.dir=<its folder>"
        )
    wanted = given["resume"].strip("'\"")
    run_dir = newest_run(_OUTPUTS) if wanted == "last" else Path(wanted).expanduser()
    overrides = _overrides(run_dir)
    kept = [line for line in overrides if line.split("=", 1)[0] not in given]
    typed = [argument for argument in arguments if not argument.startswith("resume=")]
    quoted = "'" + str(run_dir).replace("\\", "\\\\").replace("'", "\\'") + "'"
    return [*kept, *typed, f"resume={quoted}", f"hydra.run.dir={quoted}", "hydra.output_subdir=null"]


def _check_sweep(folder: Path, arguments: list[str]) -> None:
    stored = folder / "multirun.yaml"
    begun = OmegaConf.select(OmegaConf.load(stored), "hydra.overrides.task") if stored.is_file() else None
    if begun is not None and list(begun) != [line for line in arguments if not line.startswith(("-", "hydra."))]:
        raise ConfigError(f"{folder} holds another sweep; give another hydra.sweep.dir, or the command of that one")


def newest_run(outputs: Path) -> Path:
    """The run folder below ``outputs`` whose last checkpoint is the newest.

    Raises:
        ConfigError: if there is none.
    """
    checkpoints = [path for path in outputs.rglob(str(LAST_CHECKPOINT)) if _settings(path.parent.parent).is_file()]
    if not checkpoints:
        raise ConfigError(f"resume=last: no run below {outputs} has a checkpoint; give a run folder")
    return max(checkpoints, key=lambda path: path.stat().st_mtime).parent.parent


def _settings(run_dir: Path) -> Path:
    return run_dir / ".hydra" / "overrides.yaml"


def _overrides(run_dir: Path) -> list[str]:
    try:
        stored = OmegaConf.load(_settings(run_dir))
    except OSError as error:
        raise ConfigError(
            f"resume={run_dir} is no run folder; give one, such as outputs/nose/<time>, or resume=last"
        ) from error
    except (ValueError, YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{_settings(run_dir)} cannot be read ({error}); restore it, or start anew") from error
    if not isinstance(stored, ListConfig):
        raise ConfigError(f"{_settings(run_dir)} does not hold the run's settings; restore it, or start anew")
    return [str(line) for line in stored]


def sweeping() -> bool:
    """Whether this is one job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def keep_settings(run_dir: Path) -> None:
    """Make what a run is told now its own settings, with which it would be gone on with again."""
    if sweeping() or not HydraConfig.initialized():  # of a sweep's jobs Hydra writes them
        return
    overrides = [line for line in HydraConfig.get().overrides.task if not line.startswith("resume=")]
    config = compose(HydraConfig.get().job.config_name, overrides)
    write_text(run_dir / ".hydra" / "config.yaml", OmegaConf.to_yaml(config))
    write_text(_settings(run_dir), OmegaConf.to_yaml(OmegaConf.create(overrides)))


def read_parts(run_dir: Path | None) -> list[dict[str, Any]]:
    """The parts of a run, earliest first, as ``run.json`` has them; none where there is no such file."""
    path = run_dir and run_dir / "run.json"
    return json.loads(path.read_text(encoding="utf-8"))["parts"] if path and path.is_file() else []


def finished(run_dir: Path) -> dict[str, Any] | None:
    """The content of a run's metrics.json if its training came to its end and was reported on, else None."""
    parts, metrics, report = read_parts(run_dir), run_dir / "metrics.json", run_dir / "report.html"
    if not (parts and parts[-1]["finished"] and metrics.is_file() and report.is_file()):
        return None
    measured = json.loads(metrics.read_text(encoding="utf-8"))
    reported = report.stat().st_mtime >= metrics.stat().st_mtime and measured["epoch"] == parts[-1]["epochs"]
    return measured if reported else None


def check_folder(config: Config) -> None:
    """Stop before the work of an earlier run would be lost, or a run is gone on with that has nothing left to do.

    Raises:
        ConfigError: if the run folder holds another run, or the run has finished and is not given more epochs.
    """
    if config.resume is None and (Path(config.run_dir) / LAST_CHECKPOINT).is_file():
        raise ConfigError(
            f"{config.run_dir} holds a run already; go on with it by resume={config.run_dir}, or choose another folder"
        )
    measured = finished(Path(config.resume)) if config.resume else None
    if measured and measured["epoch"] >= config.trainer.max_epochs:
        raise ConfigError(
            f"{config.resume} has finished its {measured['epoch']} epochs; "
            "to go on, add trainer.max_epochs=<how many in all>"
        )


def run_job(task: Callable[[Config], float], config: Config) -> float:
    """Run one job of a sweep, or what is left of it where the sweep was begun before.

    Args:
        task: trains, and returns the objective.
        config: of the job.

    Returns:
        The objective; of a job that has finished before, the one that it had.
    """
    folder = Path(config.run_dir)
    (folder / ERROR).unlink(missing_ok=True)
    if measured := finished(folder):
        print(f"Skipped     {folder.name}: it has finished")
        return measured["metrics"]["error_px"]
    if read_parts(folder):
        config.resume = str(folder)
    return task(config)
