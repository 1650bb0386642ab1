"""Resuming of runs and of sweeps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf

from facekp.config import Config
from facekp.runs.find import newest_run, read_sweep
from facekp.runs.folder import RunFolder, check_links
from facekp.runs.overrides import stored_overrides
from facekp.utils.errors import ConfigError
from facekp.utils.files import user_path, write_text
from facekp.utils.terminal import counted, one_line

_OUTPUTS = Path("outputs")


def resuming(arguments: list[str]) -> list[str]:
    """Complete the arguments of a command that resumes a run.

    With ``resume=<run folder>``, or ``resume=last`` for the newest run, the stored overrides of the run are added,
    except for those that are given again, and the run folder stays the same. Otherwise only ``run_dir`` is changed, to
    Hydra's own name of it.

    Raises:
        ConfigError: if there is no such run, ``resume`` is used with a sweep, or the sweep's folder has another sweep.
        DataError: if a file that is needed is damaged, or a link leads out of the folder.
    """
    given = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    is_sweep = bool({"-m", "--multirun"} & set(arguments))
    if is_sweep and "hydra.sweep.dir" in given:
        _check_sweep(Path(given["hydra.sweep.dir"].strip("'\"")), arguments)
    if "resume" not in given:
        if is_sweep or "run_dir" not in given:
            return arguments
        folder = quoted(user_path(given["run_dir"].strip("'\"")))
        return [f"hydra.run.dir={folder}" if each.startswith("run_dir=") else each for each in arguments]
    if is_sweep:
        raise ConfigError(
            "resume goes on with one run; a sweep goes on when its command is given again, "
            "with hydra.sweep.dir=<its folder>"
        )
    wanted = given["resume"].strip("'\"")
    run = newest_run(_OUTPUTS) if wanted == "last" else RunFolder(user_path(wanted))
    if not run.begun:
        raise ConfigError(f"resume={run.path} is no run folder; give one, such as outputs/nose/<time>, or resume=last")
    kept = stored_overrides(run, set(given))
    typed = [argument for argument in arguments if not argument.startswith("resume=")]
    folder = quoted(run.run_dir)
    return [*kept, *typed, f"resume={folder}", f"hydra.run.dir={folder}", "hydra.output_subdir=null"]


def quoted(path: str | Path) -> str:
    """A path as the value of an override, with any characters."""
    return "'" + str(path).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _check_sweep(folder: Path, arguments: list[str]) -> None:
    check_links(folder, folder)
    begun = read_sweep(folder)["overrides"]["task"]
    if begun is not None and begun != [line for line in arguments if not line.startswith(("-", "hydra."))]:
        raise ConfigError(f"{folder} holds another sweep; give another hydra.sweep.dir, or the command of that one")


def sweeping() -> bool:
    """Whether this is one job of a sweep."""
    return HydraConfig.initialized() and HydraConfig.get().mode == RunMode.MULTIRUN


def keep_settings(run_dir: Path) -> None:
    """Store the settings of a resumed run in its folder, for the next resume."""
    if sweeping() or not HydraConfig.initialized():  # Hydra stores those of a sweep's jobs
        return
    overrides = [line for line in HydraConfig.get().overrides.task if not line.startswith("resume=")]
    config = compose(HydraConfig.get().job.config_name, overrides)
    write_text(run_dir / ".hydra" / "config.yaml", OmegaConf.to_yaml(config))
    write_text(RunFolder(run_dir).overrides_yaml, OmegaConf.to_yaml(OmegaConf.create(overrides)))


def check_folder(config: Config) -> None:
    """Check that a run does not overwrite another one, and that a resumed run has something left to do.

    Raises:
        ConfigError: if the run folder has another run, or the resumed run has finished all epochs.
    """
    if config.resume is None and RunFolder(config.run_dir).last_checkpoint.is_file():
        raise ConfigError(
            f"{config.run_dir} holds a run already; go on with it by resume={config.run_dir}, or choose another folder"
        )
    run = RunFolder(config.resume) if config.resume else None
    if run and run.finished and run.measured["epoch"] >= config.trainer.max_epochs:
        raise ConfigError(
            f"{config.resume} has finished its {counted(run.measured['epoch'], 'epoch')}; "
            "to go on, add trainer.max_epochs=<how many in all>"
        )


def run_job(task: Callable[[Config], float], config: Config) -> float:
    """Run one job of a sweep, or the rest of it if the sweep was started before.

    Returns:
        The objective; that of the earlier run if the job has finished before.
    """
    run = RunFolder(config.run_dir)
    run.error.unlink(missing_ok=True)
    if run.finished:
        print(f"Skipped     {one_line(run.path.name)}: it has finished")
        return run.measured["metrics"]["error_px"]
    if run.parts:
        check_links(run.path, run.path)
        config.resume = str(run.path)
    return task(config)
