"""Measure speed: ``python -m facekp bench [--rounds N | --scale]`` or ``make bench``.

The bare loop is a lower bound of the cost of training the same network: images as tensors in memory, the same
optimizer, memory format and batch size, no augmentation, no logging. All parts are measured in turn, several times, in
one run, because the speed of a machine drifts; each is compared with the bare loop of its own round, and medians are
printed.

The time of a whole command is compared with that of its imports in the same way.
"""

from __future__ import annotations

import argparse
import io
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from lightning.pytorch import Callback, LightningModule, Trainer
from rich.table import Table
from torch.optim import Optimizer

from facekp.benchmarks import scale as bench_scale
from facekp.config import CONF, Config, checked, register
from facekp.data.datamodule import FaceDataModule
from facekp.data.dataset import Sample
from facekp.data.prepare import prepare_data
from facekp.evaluation.evaluate import evaluate_predictor, name_evaluation
from facekp.models.module import KeypointModule
from facekp.training.trainer import build_trainer
from facekp.utils.instantiate import create_nested
from facekp.utils.terminal import console

_EPOCHS = 5
_OVERRIDES = (
    "model=full",
    "data.batch_size=16",
    "data.samples_per_image=4",
    "trainer.accelerator=cpu",
    f"trainer.max_epochs={_EPOCHS + 1}",
)
_PARTS = {
    "bare loop": "tensors in memory, nothing else",
    "loader": "reading and augmentation alone",
    "bare loop over the loader": "what augmentation costs",
    "training": "everything that train.py does between two steps",
    "evaluation": "predictions for the held-out faces, and their errors",
}
_LIBRARIES = {
    "hydra": "import hydra, omegaconf",
    "all": "import torch, lightning.pytorch, torchmetrics, torch.utils.tensorboard, albumentations, cv2, hydra, "
    "matplotlib.figure, jinja2, rich.table",
}
_ONE_BATCH = ("model=nose", "trainer.max_epochs=1", "data.batch_size=1000", "trainer.accelerator=cpu")


class _Clock(Callback):
    """Time each epoch but the first from the end of its first step to the end of its last."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.images = 0
        self._last = 0.0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        if trainer.current_epoch > 0 and batch_idx > 0:
            self.seconds += now - self._last
            self.images += len(batch["image"])
        self._last = now


class Bench:
    """The parts to measure, each a method that returns images per second.

    Args:
        config: of a training run.
    """

    def __init__(self, config: Config) -> None:
        self._data = FaceDataModule(config.data, config.model.input_size, config.augment, config.seed)
        self._data.prepare_data()
        self._data.setup("fit")
        self._config = replace(config, data=self._data.config)
        faces = self._data.train_faces
        self._images = torch.stack([torch.from_numpy(faces.image(i))[None] for i in range(len(faces))])
        self._keypoints = torch.from_numpy(faces.keypoints)

    def _new_module(self) -> KeypointModule:
        settings = self._config
        module = KeypointModule(settings.model, self._data.scheme, settings.optimizer, settings.schedule)
        module.init_from_shapes(self._data.train_faces.keypoints)
        return module

    def bare_loop(self) -> float:
        return self._train_on(self._plain_batches)

    def loader(self) -> float:
        start, images = time.perf_counter(), 0
        for epoch in range(_EPOCHS):
            images += sum(len(batch["image"]) for batch in self._augmented_batches(epoch))
        return images / (time.perf_counter() - start)

    def bare_loop_over_the_loader(self) -> float:
        return self._train_on(self._augmented_batches)

    def training(self) -> float:
        clock = _Clock()
        with tempfile.TemporaryDirectory() as folder:
            trainer = build_trainer(configured(folder), clock)
            with redirect_stdout(io.StringIO()):  # the lines of the epochs
                trainer.fit(self._new_module(), self._data)
        return clock.images / clock.seconds

    def evaluation(self) -> float:
        settings = self._config
        name = name_evaluation(settings.model, settings.data, self._data.split, settings.seed, "untrained", 0)
        module, loader = self._new_module(), self._data.test_dataloader()
        start = time.perf_counter()
        for _ in range(_EPOCHS):
            evaluate_predictor(module, loader, name)
        return _EPOCHS * len(self._data.val_faces) / (time.perf_counter() - start)

    def _plain_batches(self, epoch: int) -> Iterator[Sample]:
        order = torch.randperm(self._config.data.samples_per_image * len(self._images)) % len(self._images)
        for chosen in order.split(self._config.data.batch_size):
            yield {"image": self._images[chosen], "keypoints": self._keypoints[chosen]}

    def _augmented_batches(self, epoch: int) -> Iterator[Sample]:
        loader = self._data.train_dataloader()
        loader.batch_sampler.sampler.set_epoch(epoch)  # type: ignore[union-attr]
        yield from loader

    def _train_on(self, batches: Any) -> float:
        module = self._new_module()
        network = module.network
        optimizer = create_nested(self._config.optimizer, Optimizer, "optimizer", network.parameters())
        start, images = time.perf_counter(), 0
        for epoch in range(_EPOCHS):
            for batch in batches(epoch):
                inputs = batch["image"].float().div_(255).sub_(0.5).contiguous(memory_format=torch.channels_last)
                loss = network.loss(network(inputs), batch["keypoints"])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                images += len(inputs)
        return images / (time.perf_counter() - start)


def configured(run_dir: str, *overrides: str) -> Config:
    """The default config of the full network, with the benchmark's batch size."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return checked(compose("train", [*_OVERRIDES, f"run_dir={run_dir}", *overrides]))


def measure_speed(rounds: int) -> None:
    """Measure the speed of loading, training and evaluation, and print a table."""
    bench = Bench(configured("unused"))
    measures = [bench.bare_loop, bench.loader, bench.bare_loop_over_the_loader, bench.training, bench.evaluation]
    for measure in measures:
        measure()
    figures = [[measure() for measure in measures] for _ in range(rounds)]
    table = Table(
        title=f"model=full, augmentation on, batch 16, {torch.get_num_threads()} threads, {rounds} rounds, medians"
    )
    for heading in ("part", "images/s", "of the bare loop", ""):
        table.add_column(heading, justify="left" if heading in ("part", "") else "right")
    for column, (name, meaning) in enumerate(_PARTS.items()):
        rate = median(figure[column] for figure in figures)
        ratio = median(figure[column] / figure[0] for figure in figures)
        table.add_row(name, f"{rate:.0f}", f"{ratio:.2f}", meaning)
    console().print(table)
    print(f"Peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def measure_start(rounds: int) -> None:
    """Measure the time of whole commands, and print a table."""
    root = str(prepare_data(configured("unused").data).root)
    train = str(CONF.parent / "train.py")
    with tempfile.TemporaryDirectory() as folder:
        one_batch = [train, *_ONE_BATCH, f"data.root={Path(root).absolute()}"]
        commands = {
            "train.py --help": ([train, "--help"], "hydra"),
            "train.py, one batch, with all figures": (one_batch, "all"),
        }
        table = Table(title=f"from start to end, {rounds} rounds, medians")
        for heading in ("command", "seconds", "of its imports", ""):
            table.add_column(heading, justify="left" if heading in ("command", "") else "right")
        for name, (command, libraries) in commands.items():
            bare = ["-c", _LIBRARIES[libraries]]
            _seconds(bare, folder)  # the first reads the files into memory
            figures = [(_seconds(command, folder), _seconds(bare, folder)) for _ in range(rounds)]
            whole, imports = (median(column) for column in zip(*figures, strict=True))
            ratio = median(one / other for one, other in figures)
            table.add_row(name, f"{whole:.1f}", f"{ratio:.2f}", f"{imports:.1f} s to {_LIBRARIES[libraries]}")
    console().print(table)


def _seconds(arguments: Sequence[str], folder: str) -> float:
    """Seconds that Python takes with these arguments; it must succeed."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def main(arguments: Sequence[str]) -> None:
    """Run the benchmark that the arguments select."""
    parser = argparse.ArgumentParser(prog="python -m facekp bench", description="Measure speed.")
    parser.add_argument("--rounds", type=int, default=7, help="how often each part is measured")
    parser.add_argument("--scale", action="store_true", help="instead: the cost of 240, 2,400 and 24,000 images")
    given = parser.parse_args(arguments)
    if given.scale:
        bench_scale.run(configured("unused", "data=standin"))
    else:
        measure_speed(given.rounds)
        measure_start(max(1, given.rounds // 2))
