"""Measure speed: ``python -m facekp bench [--rounds N | --scale]`` or ``make bench``.

The bare loop is a lower bound of the cost of training the same network: images as tensors in memory, the same
optimizer, memory format and batch size, no augmentation, no logging. The parts are measured in turn, several times,
because the speed of a machine drifts; each is compared with the bare loop, or the bare imports, of its own round, and
medians are printed, each as soon as it is known.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.progress import Progress
from torch.optim import Optimizer

from facekp.benchmarks import scale as bench_scale
from facekp.config import CONF, Config, checked, register
from facekp.data.datamodule import FaceDataModule
from facekp.data.dataset import Sample
from facekp.evaluation.evaluate import evaluate_predictor, name_evaluation
from facekp.models.module import KeypointModule
from facekp.reporting.results import write_results
from facekp.training.trainer import build_trainer
from facekp.utils.instantiate import create_nested
from facekp.utils.machine import keep_freed_memory
from facekp.utils.terminal import console, counted

_OVERRIDES = (
    "data.batch_size=16",
    "data.samples_per_image=4",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=1",
    "callbacks.pictures=null",
)
_SAMPLES = {"full": 8, "heatmap": 2}  # of each training image in a measurement
_LIBRARIES = "import torch, lightning.pytorch, torchmetrics, torch.utils.tensorboard, albumentations, hydra"
_FIRST_STEP = ("model=nose", "trainer.accelerator=cpu", f"+callbacks.end._target_={__name__}.EndAtFirstStep")

Measures = dict[str, Callable[[], float]]


class _Clock(Callback):
    """Time from the end of the first step to the end of the last."""

    def __init__(self) -> None:
        self.seconds, self.images, self._last = 0.0, 0, 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if batch_idx > 0:
            self.seconds += now - self._last
            self.images += len(batch["image"])
        self._last = now


class EndAtFirstStep(Callback):
    """Ends the process after one step, whatever else is left to do."""

    def on_train_batch_end(self, *_: Any) -> None:
        os._exit(0)


class Bench:
    """The parts of one network to measure, each a method that returns images per second, or seconds.

    Args:
        overrides: those of a training run.
    """

    def __init__(self, *overrides: str) -> None:
        keep_freed_memory()  # for the bare loop, too
        self._overrides, config = overrides, configured("unused", *overrides)
        self._data = FaceDataModule(config.data, config.model.input_size, config.augment, config.seed)
        self._data.setup("fit")
        self._config = replace(config, data=self._data.config)
        self.root = f"data.root={Path(str(self._data.config.root)).absolute()}"
        faces = self._data.train_faces
        self._images = torch.stack([torch.from_numpy(faces.image(i))[None] for i in range(len(faces))])
        self._keypoints = torch.from_numpy(faces.keypoints)

    def _new_module(self) -> KeypointModule:
        settings = self._config
        module = KeypointModule(settings.model, self._data.scheme, settings.optimizer, settings.schedule)
        module.init_from_shapes(self._data.train_faces.keypoints)
        return module

    def speeds(self, network: str) -> Measures:
        """The measures of images per second, by their names."""
        parts = (self.bare_loop, self.loader, self.bare_loop_over_the_loader, self.training, self.evaluation)
        return {f"{network}, {part.__name__.replace('_', ' ')}": part for part in parts}

    def bare_loop(self) -> float:
        """Tensors in memory, nothing else."""
        return self._train_on(self._plain_batches())

    def loader(self) -> float:
        """Augmentation alone."""
        start = time.perf_counter()
        images = sum(len(batch["image"]) for batch in self._data.train_dataloader())
        return images / (time.perf_counter() - start)

    def bare_loop_over_the_loader(self) -> float:
        """What augmentation costs."""
        return self._train_on(self._data.train_dataloader())

    def training(self) -> float:
        """Everything that train.py does between two steps."""
        clock = _Clock()
        with tempfile.TemporaryDirectory() as folder, redirect_stdout(io.StringIO()):  # the lines of the epochs
            build_trainer(configured(folder, *self._overrides), clock).fit(self._new_module(), self._data)
        return clock.images / clock.seconds

    def evaluation(self) -> float:
        """Predictions for the held-out faces, and their errors."""
        module = self._new_module()
        start = time.perf_counter()
        self._evaluate(module)
        return len(self._data.val_faces) / (time.perf_counter() - start)

    def figures(self) -> float:
        """Seconds to draw and write all figures of a run."""
        module = self._new_module()
        evaluation = self._evaluate(module)
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            write_results(evaluation, module, Path(folder), None)
            return time.perf_counter() - start

    def _evaluate(self, module: KeypointModule) -> Any:
        settings = self._config
        name = name_evaluation(settings.model, settings.data, self._data.split, settings.seed, "untrained", 0)
        return evaluate_predictor(module, self._data.test_dataloader(), name)

    def _plain_batches(self) -> Iterator[Sample]:
        order = torch.randperm(self._config.data.samples_per_image * len(self._images)) % len(self._images)
        for chosen in order.split(self._config.data.batch_size):
            yield {"image": self._images[chosen], "keypoints": self._keypoints[chosen]}

    def _train_on(self, batches: Any) -> float:
        network = self._new_module().network
        optimizer = create_nested(self._config.optimizer, Optimizer, "optimizer", network.parameters())
        start, images = time.perf_counter(), 0
        for batch in batches:
            inputs = batch["image"].float().div_(255).sub_(0.5).contiguous(memory_format=torch.channels_last)
            loss = network.loss(network(inputs), batch["keypoints"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            images += len(inputs)
        return images / (time.perf_counter() - start)


def configured(run_dir: str, *overrides: str) -> Config:
    """The config of a short training, by default of the full network."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return checked(compose("train", ["model=full", *_OVERRIDES, f"run_dir={run_dir}", *overrides]))


def seconds(arguments: Sequence[str], folder: str) -> float:
    """Seconds that Python takes with these arguments in a working folder; it must succeed."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def measure_in_turn(kinds: Sequence[tuple[str, Measures]], rounds: int) -> None:
    """Measure all things of a kind in turn, and print for each the median, and its ratio to the first of its round.

    Args:
        kinds: each a unit, and the measures by their names.
        rounds: how often each is measured.
    """
    print(f"Medians of {counted(rounds, 'round')}, and their ratio to the first row of each kind:")
    with Progress(console=console(), auto_refresh=False, transient=True) as bar:
        task = bar.add_task("", total=rounds * sum(len(measures) for _, measures in kinds))
        for unit, measures in kinds:
            figures: dict[str, list[float]] = {name: [] for name in measures}
            first = next(iter(figures.values()))
            for number, (name, measure) in product(range(1, rounds + 1), measures.items()):
                bar.update(task, description=name, refresh=True)
                figures[name].append(measure())
                bar.advance(task)
                if number == rounds:
                    ratio = median(one / other for one, other in zip(figures[name], first, strict=True))
                    bar.console.print(f"{name:<44} {median(figures[name]):>8,.1f} {unit:<8} {ratio:>6.2f}")


def measure_speed(rounds: int) -> None:
    """Measure start-up, and the speed of training, evaluation and figures, and print a row for each."""
    train = str(CONF.parent / "train.py")
    benches = {name: Bench(f"model={name}", f"data.samples_per_image={count}") for name, count in _SAMPLES.items()}
    with tempfile.TemporaryDirectory() as folder:
        commands = {
            "import of torch, Lightning and others": ["-c", _LIBRARIES],
            "train.py --help": [train, "--help"],
            "train.py model=nose, to the end of a step": [train, *_FIRST_STEP, benches["full"].root],
        }
        kinds: list[tuple[str, Measures]] = [
            ("s", {name: partial(seconds, command, folder) for name, command in commands.items()}),
            *(("images/s", bench.speeds(network)) for network, bench in benches.items()),
            ("s", {"all figures of a run": benches["full"].figures}),
        ]
        measure_in_turn(kinds, rounds)
    print(f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def main(arguments: Sequence[str]) -> None:
    """Run the benchmark that the arguments select."""
    parser = argparse.ArgumentParser(prog="python -m facekp bench", description="Measure speed.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each part is measured")
    parser.add_argument("--scale", action="store_true", help="instead: the cost of 240, 2,400 and 24,000 images")
    given = parser.parse_args(arguments)
    if given.scale:
        bench_scale.run(configured("unused", "data=standin"))
    else:
        measure_speed(given.rounds)
