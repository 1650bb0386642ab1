"""The command line: composes the config with Hydra, and reports mistakes and interruptions in one paragraph."""

from __future__ import annotations

import functools
import io
import math
import os
import shlex
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from facekp.config import CONF, checked, register
from facekp.runs.distributed import NO_OUTPUT, is_main_process, reports_error, run_silently
from facekp.runs.folder import RunFolder
from facekp.runs.help import register_help
from facekp.runs.lock import remove_new_folders, unlock_all
from facekp.runs.messages import error_message
from facekp.runs.resume import resuming, run_job, sweeping
from facekp.runs.signals import Interrupted, install_handlers
from facekp.utils.files import write_text
from facekp.utils.terminal import display_path

_MAIN_PROCESS_REPORTS_S = 5.0


class CheckedTask:
    """Calls a task with the checked config; ``hydra.main`` calls it, in a sweep once for each job.

    A mistake of the user, or a full disk, ends the process with one paragraph on stderr and status 1. In a sweep, the
    failure of a job is reported, and the other jobs continue.

    Args:
        task: takes the checked config; what it returns is the objective of a sweep.
    """

    def __init__(self, task: Callable[[Any], Any]) -> None:
        functools.update_wrapper(self, task)
        self._task = task
        self._script = sys.argv[0]  # which a launcher's processes would not know, nor the next
        self._wants_traceback = is_main_process() and os.environ.get("HYDRA_FULL_ERROR") == "1"

    def __call__(self, config: DictConfig) -> Any:
        install_handlers()  # a launcher may have started this process
        sys.argv[0] = self._script
        if not is_main_process():
            run_silently()
        folder = Path(HydraConfig.get().runtime.output_dir)
        try:
            return run_job(self._task, checked(config)) if sweeping() else self._task(checked(config))
        except Interrupted as interruption:
            interruption.run_dir = folder
            raise
        except Exception as error:
            text = error_message(error)
            if self._wants_traceback or (text is None and not sweeping()):
                raise
            if text and not sweeping():
                remove_new_folders()
                _exit(error, text)
            print(f"Error: {text or f'{error!r}; see {display_path(RunFolder(folder).error)}'}", file=sys.stderr)
            with suppress(OSError):
                write_text(RunFolder(folder).error, "".join(traceback.format_exception(error)))
            return math.inf  # NaN would end a search


def hydra_main(config_name: str, task: Callable[[Any], Any]) -> Callable[[], Any]:
    """A task under ``hydra.main``, for a command that is no script beside ``conf/``."""
    return hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(CheckedTask(task))


def run_command(
    main: Callable[[], Any], resumable: bool = False, compare: Callable[[Path], Path] | None = None
) -> None:
    """Run a command, and exit with a status.

    Args:
        main: under ``hydra.main``.
        resumable: whether ``resume=`` is supported.
        compare: writes a page that compares the runs of a sweep's folder, and returns its path.

    A mistake of the user, or a full disk, gives one paragraph on stderr and exit status 1; SIGINT or SIGTERM one line
    and status 130 or 143. ``HYDRA_FULL_ERROR=1`` shows the traceback.
    """
    wants_traceback = is_main_process() and os.environ.get("HYDRA_FULL_ERROR") == "1"  # others inherit the next line
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra passes its exceptions on, to be reported here
    threading.excepthook = _report_in_thread
    install_handlers()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Lines are also printed at once to a pipe, and names that are not UTF-8 can be printed.
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    register()
    register_help()

    try:
        if resumable:
            sys.argv[1:] = resuming(sys.argv[1:])
        if not is_main_process():
            sys.argv += NO_OUTPUT
        if {"-m", "--multirun"} & set(sys.argv):
            from facekp.runs.sweep import SweepTable

            SweepTable.compare = staticmethod(compare) if compare else None
        main()
        sys.stdout.flush()
    except Interrupted as interruption:
        if not is_main_process():
            sys.exit(0)  # any other status would end the first process before it has reported
        print(f"\nInterrupted{_how_to_resume(interruption.run_dir) if resumable else ''}", file=sys.stderr)
        sys.exit(interruption.status)
    except BrokenPipeError:  # for example by head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except Exception as error:
        text = error_message(error)
        if wants_traceback or text is None:
            raise
        remove_new_folders()
        _exit(error, text)
    finally:
        unlock_all()


def _exit(error: Exception, text: str) -> NoReturn:
    if reports_error(error):
        print(f"Error: {text}", file=sys.stderr)
    else:
        time.sleep(_MAIN_PROCESS_REPORTS_S)  # the launcher ends the first process when this one ends
    sys.exit(1)


def _how_to_resume(run_dir: Path | None) -> str:
    """How to resume an interrupted command, for its last line; a sweep first prints its tables."""
    command = ["python", *sys.orig_argv[1:]]
    if {"-m", "--multirun"} & set(command):
        from facekp.runs.sweep import SweepTable, close_sweep

        if SweepTable.folder is None:
            return ""
        close_sweep(SweepTable.folder)
        typed = [part for part in command if not part.startswith("hydra.sweep.dir=")]
        return f"; to do the rest: {shlex.join([*typed, f'hydra.sweep.dir={display_path(SweepTable.folder)}'])}"
    if run_dir is None:
        return ""
    kept = display_path(run_dir)
    return f"; what was done is kept in {kept}; to go on: {shlex.join(['python', sys.argv[0], f'resume={kept}'])}"


def _report_in_thread(args: threading.ExceptHookArgs) -> None:
    """Ignore errors of writing in threads: TensorBoard's writer raises them again in the main thread."""
    if not isinstance(args.exc_value, OSError):
        threading.__excepthook__(args)
