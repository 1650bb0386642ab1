"""Display of the progress of training."""

from __future__ import annotations

import sys
import time
from typing import Any, NamedTuple

from lightning.pytorch import Callback, LightningModule, Trainer
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from facekp.utils.terminal import console

_REDRAW_S = 0.1
_LINES = 50


def progress(enabled: bool) -> Callback:
    """A progress bar on a terminal, otherwise plain lines."""
    return ProgressBar() if enabled and sys.stdout.isatty() and not console().is_dumb_terminal else EpochLines()


class ProgressBar(Callback):
    """One bar for the whole training, with the epoch, the remaining time, and the losses."""

    def __init__(self) -> None:
        self._bar = _Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            _Time(table_column=Column(no_wrap=True, min_width=9)),
            TextColumn("{task.fields[metrics]}"),
            console=console(),
            auto_refresh=False,
            expand=True,
        )

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        steps = trainer.estimated_stepping_batches
        self._task = self._bar.add_task("", total=steps, completed=trainer.global_step, metrics="")
        self._show(trainer)
        if trainer.is_global_zero:
            self._bar.start()

    def on_train_batch_end(self, trainer: Trainer, *_: Any) -> None:
        if time.monotonic() - self._shown > _REDRAW_S:
            self._show(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._show(trainer)

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._bar.stop()

    def _show(self, trainer: Trainer) -> None:
        self._bar.update(
            self._task,
            completed=trainer.global_step,
            description=_epoch(trainer),
            metrics=_metrics(trainer).replace("train/", ""),  # leaves room for the bar in 80 columns
            refresh=True,
        )
        self._shown = time.monotonic()


class _Progress(Progress):
    """Leaves room behind the bar for the ^C of a terminal, which would wrap, so that the bar stood there twice."""

    def get_renderable(self) -> RenderableType:
        return _Narrowed(super().get_renderable())


class _Narrowed(NamedTuple):
    shown: RenderableType

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.shown, options.update_width(options.max_width - len("^C") - 1))


class _Time(ProgressColumn):
    """The time left, or taken in the end."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        label, seconds = ("took", task.finished_time) if task.finished else ("left", task.time_remaining)
        if seconds is None:
            return Text("")
        minutes, rest = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return Text(f"{label} {hours}:{minutes:02}:{rest:02}" if hours else f"{label} {minutes}:{rest:02}")


class EpochLines(Callback):
    """Plain lines instead of a bar: one per epoch, or about fifty for a long training."""

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch, last = trainer.current_epoch + 1, trainer.max_epochs or 0
        if trainer.is_global_zero and (epoch % -(-last // _LINES) == 0 or epoch == last):
            print(f"{_epoch(trainer)}  {_metrics(trainer)}", flush=True)


def _epoch(trainer: Trainer) -> str:
    return f"epoch {trainer.current_epoch + 1}/{trainer.max_epochs}"


def _metrics(trainer: Trainer) -> str:
    return "  ".join(f"{name} {float(value):.4g}" for name, value in trainer.progress_bar_metrics.items())
