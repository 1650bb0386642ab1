"""The command line: composes the config with Hydra, and reports mistakes and interruptions in one paragraph."""

from __future__ import annotations

import errno
import functools
import io
import math
import os
import re
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
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException, ValidationError

from facekp.config import CONF, checked, register
from facekp.runs.distributed import NO_OUTPUT, is_main_process, other_process_ended, reports_error, run_silently
from facekp.runs.folder import RunFolder
from facekp.runs.help import register_help
from facekp.runs.lock import remove_new_folders, unlock_all
from facekp.runs.resume import resuming, run_job, sweeping
from facekp.runs.signals import Interrupted, install_handlers
from facekp.utils.errors import FacekpError, closest
from facekp.utils.files import write_text
from facekp.utils.terminal import display_path, one_line

_MAIN_PROCESS_REPORTS_S = 5.0
_UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES)
_SHOWN = 30  # characters on each side of a fault
_IMPOSSIBLE = (errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


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


def error_message(error: Exception) -> str | None:
    """One sentence for an error that the user can correct: what, where and what to do; None for any other."""
    text = _message(error)
    return None if text is None else one_line(text)


def _message(error: Exception) -> str | None:
    if isinstance(error, FacekpError):
        return str(error)
    if isinstance(error, (HydraException, OmegaConfBaseException)):
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
