"""Files of strangers who mean harm: a corpus that is made anew for each test.

Whatever a command makes of such a file, it ends with status 1 and one sentence, within seconds; it runs no code of the
file's author (the ``canary`` would be there), writes nothing outside the folder that it was told to write to, and tells
nothing of the environment (``SECRET``). :class:`Workplace` checks
that of any kind of file; a new kind is one more entry in a table such as :data:`CHECKPOINTS`.
"""

from __future__ import annotations

import base64
import builtins
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

from evaluate import evaluate
from facekp.config import DataConfig, ModelConfig
from facekp.landmarks.scheme import DANES
from facekp.models.module import KeypointModule
from facekp.runs.command_line import hydra_main, run_command
from facekp.runs.messages import error_message
from tests.helpers import config
from train import train

SECRET = "a-value-of-the-environment"
_SECONDS = 30  # of the processor

Content = dict[str, Any]


@dataclass
class Done:
    """What became of a command."""

    status: int
    out: str
    err: str


class Workplace:
    """A working folder with a canary beside it, and commands that are run there inside this process."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
        self.folder = folder / "work"
        self.folder.mkdir()
        self.canary = folder / "canary"
        self._monkeypatch, self._capfd = monkeypatch, capfd
        monkeypatch.chdir(self.folder)
        monkeypatch.setenv("FACEKP_SECRET", SECRET)
        monkeypatch.setenv("HOME", str(folder))

    def files(self, output: str) -> dict[str, tuple[int, int]]:
        """All that there is outside a folder, with size and time."""
        found = {path: path.lstat() for path in self.folder.parent.rglob("*")}
        return {
            str(path): (stat.st_size, stat.st_mtime_ns)
            for path, stat in found.items()
            if not path.is_dir() and not path.is_relative_to(self.folder / output)
        }

    def command(self, script: str, *arguments: str) -> Done:
        """Run ``train.py`` or ``evaluate.py`` with these arguments."""

        def run() -> None:
            main = hydra_main(script, {"train": train, "evaluate": evaluate}[script])
            run_command(main, resumable=script == "train")

        with self._monkeypatch.context() as patch, _signals_kept():
            patch.setattr(sys, "argv", [f"{script}.py", *arguments])
            patch.setenv("HYDRA_FULL_ERROR", "0")
            patch.setattr(threading, "excepthook", threading.excepthook)
            return self._done(run)

    def call(self, task: Callable[[Any], object], settings: Any) -> Done:
        """Do what a command does with its settings, without the half second in which Hydra composes them."""

        def run() -> None:
            try:
                task(settings)
            except Exception as error:
                text = error_message(error)
                if text is None:
                    raise
                print(f"Error: {text}", file=sys.stderr)
                sys.exit(1)

        return self._done(run)

    def _done(self, run: Callable[[], None]) -> Done:
        self._capfd.readouterr()
        try:
            run()
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        return Done(status, *self._capfd.readouterr())

    def assert_refused(self, run: Callable[[], Done], output: str = "nowhere") -> str:
        """Do something to which a hostile file was given, see that the rule holds, and return the sentence.

        Args:
            run: calls one of the methods above.
            output: the folder within which it may write.
        """
        before, begun = self.files(output), time.process_time()
        done = run()
        assert time.process_time() - begun < _SECONDS
        assert self.files(output) == before
        assert done.status == 1, done
        self.assert_harmless(done)
        assert len(done.err.splitlines()) == 1, done.err
        assert done.err.startswith("Error: ")
        assert len(done.err) < 2000
        return done.err

    def assert_harmless(self, done: Done) -> None:
        """No code was run, and nothing was told, drawn or printed that should not be."""
        assert not self.canary.exists()
        assert "Traceback" not in done.err
        assert SECRET not in done.out + done.err
        assert "\x1b" not in done.out + done.err


@contextmanager
def _signals_kept() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)


class Trap:
    """Calls something when it is unpickled."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def checkpoint_content(root: Path | None = None, **network: Any) -> Content:
    """What a checkpoint of train.py holds, as far as it is read."""
    settings = {"_target_": "facekp.models.nose.NoseNet", "channels": [2, 2, 2], "hidden": 4, **network}
    module = KeypointModule(ModelConfig("nose", settings, [80, 60], "nose_tip"), DANES)
    module.init_from_shapes(np.full((1, 58, 2), 0.5, np.float32))
    reader = {"_target_": "facekp.data.readers.danes.DanesReader"}
    data = DataConfig("drawn", reader, str(root), split="person_folds", folds=4)
    return {
        "epoch": 4,
        "global_step": 20,
        "hyper_parameters": dict(module.hparams),
        "FaceDataModule": {"settings": asdict(data), "seed": 0},
        "state_dict": module.state_dict(),
    }


def _model(content: Content) -> Any:
    return content["hyper_parameters"]["model"]


def _data(content: Content) -> Any:
    return content["FaceDataModule"]["settings"]


def _pickled(canary: Path) -> str:
    return base64.b64encode(_pickle_of(Trap(builtins.open, str(canary), "w"))).decode()


def _pickle_of(value: Any) -> bytes:
    return pickle.dumps(value)


def code_in_an_interpolation(canary: Path) -> str:
    """A text that Hydra would make Python of: it unpickles what is written in it."""
    inner = f"{{_target_:base64.b64decode,s:'{_pickled(canary)}'}}"
    return f"${{oc.create:{{_target_:torch.load,f:{{_target_:io.BytesIO,_args_:[{inner}]}},weights_only:false}}}}"


def _doubling() -> list[Any]:
    made: list[Any] = ["lol"] * 10
    for _ in range(12):
        made = [made] * 10
    return made


def _nested() -> Any:
    made: Any = 1
    for _ in range(60):
        made = [made]
    return made


Change = Callable[[Content, Path], Any]


def _set(place: Callable[[Content], Any], name: str, value: Any) -> Change:
    return lambda content, canary: place(content).update({name: value(canary) if callable(value) else value})


def _network(**settings: Any) -> Change:
    return lambda content, canary: _model(content)["network"].update(settings)


_CALL = {"_target_": "os.system", "_args_": ["true"]}

CHECKPOINTS: dict[str, Change] = {
    "code in an interpolation": lambda content, canary: _data(content)["reader"].update(
        scheme=code_in_an_interpolation(canary)
    ),
    "code in an interpolation of the network": lambda content, canary: _model(content)["network"].update(
        hidden=code_in_an_interpolation(canary)
    ),
    "the environment in a name": _set(_data, "name", "${oc.env:FACEKP_SECRET}"),
    "the environment in a path": _set(_data, "root", "${oc.env:FACEKP_SECRET}"),
    "an interpolation as a name": lambda content, canary: _data(content)["reader"].update({"${oc.env:HOME}": 1}),
    "a class inside the network": _network(more=[{"deep": _CALL}]),
    "a class inside the reader": lambda content, canary: _data(content)["reader"].update(scheme=_CALL),
    "arguments by place": _network(_args_=[1]),
    "a partial": _network(_partial_=True),
    "recursion": _network(_recursive_=True),
    "conversion": _network(_convert_="all"),
    "a function as the network": _network(_target_="os.system"),
    "a class of others as the network": _network(_target_="subprocess.Popen", args=["true"]),
    "a reader as the network": _network(_target_="facekp.data.readers.danes.DanesReader"),
    "no class as the network": _set(_model, "network", {}),
    "a number as the network": _network(_target_=3),
    "a module that would run when imported": _network(_target_="hostile_module.Net"),
    "a module of Python's own that does something": _network(_target_="antigravity.Net"),
    "the base of all networks": _network(_target_="facekp.models.base.KeypointNetwork"),
    "a base of networks": _network(_target_="facekp.models.base.RegressionNetwork", convolutions=[1]),
    "a module that would run when imported, as the reader": _set(_data, "reader", {"_target_": "hostile_module.Read"}),
    "a function as the reader": _set(_data, "reader", {"_target_": "os.listdir"}),
    "the base of all readers": _set(_data, "reader", {"_target_": "facekp.data.records.Reader"}),
    "a person's name that is sought for ever": _set(
        _data, "reader", {"_target_": "facekp.data.readers.pts.PtsReader", "person": "(.|a|b)*x"}
    ),
    "no reader": _set(_data, "reader", {}),
    "a reader with other settings": _set(
        _data, "reader", {"_target_": "facekp.data.readers.danes.DanesReader", "colour": "red"}
    ),
    "a reader with settings of another kind": _set(
        _data, "reader", {"_target_": "facekp.data.readers.pts.PtsReader", "person": [1], "first_pixel": "x"}
    ),
    "a hidden layer of terabytes": _network(hidden=10**12),
    "a hidden layer of gigabytes": _network(hidden=10**8),
    "a hidden layer beyond all numbers": _network(hidden=2**62),
    "channels by the million": _network(channels=[10**6, 10**6]),
    "one layer of gigantic maps": lambda content, canary: _model(content).update(
        input_size=[4096, 4096], network=_model(content)["network"] | {"channels": [10**6], "kernels": [1]}
    ),
    "a kernel of terabytes": _network(kernels=[10**7]),
    "a kernel larger than the image": _network(kernels=[99]),
    "a kernel of less than nothing": _network(kernels=[-1]),
    "blocks without end": _set(
        _model, "network", {"_target_": "facekp.models.heatmap.HeatmapNet", "blocks": [10**9] * 5}
    ),
    "a crop of terabytes": _set(
        _model,
        "network",
        {"_target_": "facekp.models.cascade.CascadeNet", "first_stage": {}, "second_stage": {}, "crop_size": 10**7},
    ),
    "texts as channels": _network(channels="abc"),
    "null as channels": _network(channels=None),
    "another width than the weights have": _network(hidden=5),
    **{
        f"{name}={value!r:.20}": _set(place, name, value)
        for place, name, values in (
            (_data, "batch_size", [0, -1, 2**40, 2**70, None, "many", [], 1.5]),
            (_data, "fold", ["one", -1, 9, None]),
            (_data, "folds", [1, 10**12]),
            (_data, "cache_mb", ["much", -1, 10**12]),
            (_data, "split", ["else", 3, None]),
            (_data, "labels", ["none", None]),
            (_data, "on_bad", ["ignore"]),
            (_data, "val_fraction", ["x", float("nan"), float("inf")]),
            (_data, "persons", [[1], "x", [None, None]]),
            (_data, "reader", [None, "x", []]),
            (_data, "root", [[1, 2], {"a": 1}, "\x1b[31mred", "x" * 5000, "\0"]),
            (_data, "name", [None, "???"]),
            (_data, "colour", ["red"]),
            (_model, "input_size", [None, [80], [80, 10**9], [0, 60], "80x60", [[80], [60]]]),
            (_model, "selection", ["nothing", None, 3]),
            (_model, "flip_test", ["maybe", None]),
            (_model, "network", [None, "x", 3]),
            (_model, "name", [None]),
            (lambda content: content, "epoch", [None, "x", -1, 2**70, 1.5]),
            (lambda content: content, "global_step", [None, "x", -1]),
            (lambda content: content, "FaceDataModule", [None, 3, {}, {"settings": 3}, {"settings": {}, "seed": 0}]),
            (lambda content: content["FaceDataModule"], "seed", [None, "x", -1, 2**64]),
            (lambda content: content, "state_dict", [None, {}, {"a": 1}, {1: 2}, {"\x1b[31m": torch.zeros(1)}]),
            (lambda content: content, "hyper_parameters", [None, 3, {}, {"model": 3}, {"model": {}}, [1]]),
            (
                lambda content: content["hyper_parameters"],
                "scheme",
                [None, 3, {}, {"points": 10**9}, {"points": 58, "eyes": [[0], [99]]}, {"points": 58, "groups": 1}],
            ),
        )
        for value in values
    },
    "settings that double": lambda content, canary: _data(content)["reader"].update(scheme=_doubling()),
    "settings without end": lambda content, canary: _data(content)["reader"].update(scheme=_nested()),
    "weights of terabytes": lambda content, canary: content.update(
        state_dict={name: torch.zeros(1).expand(10**6, 10**6) for name in content["state_dict"]}
    ),
    "weights that are no numbers": lambda content, canary: content["state_dict"].update(
        dict.fromkeys(content["state_dict"], "text")
    ),
    **{
        f"unpickled: {name}": lambda content, canary, trap=trap: content.update(more=trap(canary))  # type: ignore[misc]
        for name, trap in {
            "os.system": lambda canary: Trap(os.system, f"touch {canary}"),
            "eval": lambda canary: Trap(builtins.eval, f"open({str(canary)!r}, 'w')"),
            "exec": lambda canary: Trap(builtins.exec, f"open({str(canary)!r}, 'w')"),
            "Popen": lambda canary: Trap(subprocess.Popen, ["touch", str(canary)]),
            "getattr": lambda canary: Trap(getattr, Trap(Path, str(canary)), "touch"),
            "numpy": lambda canary: np.array([Trap(os.system, f"touch {canary}")], dtype=object),
            "object": lambda canary: torch.utils.data.TensorDataset(torch.zeros(1)),
        }.items()
    },
}
"""Changes to the content of a checkpoint that was honest."""


def write_checkpoint(content: Content, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(content, path)
    return path


def write_run_folder(folder: Path, root: Path, *overrides: str) -> list[str]:
    """What train.py leaves of a run of two epochs that can be resumed, as far as that needs it."""
    typed = [
        *("model=nose", "model.network.channels=[2,2,2]", "model.network.hidden=4", "model.samples_per_image=1"),
        *(f"data.root={root}", "data.split=person_folds", "data.folds=4", "trainer.accelerator=cpu"),
        *("trainer.max_epochs=2", "callbacks.pictures=null"),
    ]
    folder.mkdir(parents=True)
    train(config("train", *typed, f"run_dir={folder}"))
    write_overrides(folder, typed)
    return typed


def write_overrides(folder: Path, lines: list[Any]) -> None:
    (folder / ".hydra").mkdir(exist_ok=True)
    (folder / ".hydra" / "overrides.yaml").write_text(yaml.safe_dump(lines))


OVERRIDES: tuple[str, ...] = (
    "+callbacks.evil={_target_: hostile_module.Callback}",
    "callbacks.evil={_target_: hostile_module.Callback}",
    "callbacks.best={_target_: hostile_module.Callback}",
    "callbacks.best._target_=hostile_module.Callback",
    "+hydra.callbacks.evil={_target_: hostile_module.Callback}",
    "hydra.callbacks.sweep_table._target_=hostile_module.Callback",
    "hydra.job.env_set.FACEKP_DANES=elsewhere",
    "hydra.run.dir=elsewhere",
    "hydra/launcher=joblib",
    "--config-dir=.",
    "--multirun",
    "-cn=hostile",
    "+data.reader.x={_target_: hostile_module.Reader}",
    "data.reader={_target_: hostile_module.Reader}",
    "data.reader._target_=hostile_module.Reader",
    "data.reader.scheme={_target_: hostile_module.Reader}",
    "data={reader: {_target_: hostile_module.Reader}}",
    "++model.network._target_=hostile_module.Net",
    "optimizer._target_=hostile_module.Optimizer",
    "schedule.lr_lambda.path=os.system",
    "logger.tensorboard.save_dir=../elsewhere",
    "callbacks.best.dirpath=../elsewhere",
    "callbacks.best.filename=../../../elsewhere",
    "run_dir=../elsewhere",
    "data.folder=../elsewhere",
    "data.download=[http://localhost/elsewhere.zip]",
    "trust=[hostile_module]",
    "~data",
    "data@augment=danes",
    "model=../../hostile",
    "model=glob(*)",
    "seed=1,2",
    "data.name=${oc.env:FACEKP_SECRET}",
    "data.name='\\${oc.env:FACEKP_SECRET}'",
    "data.name=${oc.create:{_target_:hostile_module.Net}}",
    "data.reader.scheme=" + "[" * 200,
    "data.name=" + "x" * 100_000,
    "data.colour=red",
    "data.batch_size=many",
    "data.batch_size=0",
    "data.fold=99",
    "nothing",
    "=",
    "",
)
"""What the overrides of a stranger's run folder may hold."""

YAML: dict[str, bytes] = {
    "aliases that double": b"a: &a [1, 1]\n" + b"".join(b"b%d: &b%d [*a, *a]\n" % (i, i) for i in range(30)),
    "an alias of itself": b"&a [*a]",
    "nesting": b"[" * 100_000,
    "a tag of Python's": b"!!python/object/apply:os.system ['touch canary']",
    "a tag of a path": b"[!!python/object/apply:pathlib.PosixPath [x]]",
    "an interpolation": b"[data.name=${oc.env:FACEKP_SECRET}, points: '${oc.env:FACEKP_SECRET}']",
    "dates": b"[2024-01-01]",
    "another kind": b"a text",
    "nothing": b"",
    "no text": b"\xff\xfe\x00",
    "half": b"[a: ",
    "too much": b"[" + b"a, " * 10**6 + b"]",
    "names without end": b"".join(b"%05d: 1\n" % number for number in range(50_000)),
    "codes for the terminal": b'["\\e[31m=1", points]',
}
"""Files that are not the YAML that was expected."""

JSON: dict[str, bytes] = {
    "nesting": b"[" * 1_000_000,
    "a number without end": b'{"split": ' + b"9" * 10_000 + b"}",
    "other kinds": b'{"split": 1, "train": null, "val": {}}',
    "numbers for names": b'{"split": "x", "train": [1], "val": [2]}',
    "a number": b"1",
    "nothing": b"",
    "no text": b"\xff\xfe\x00",
    "half": b'{"split": "x", "train": [',
    "codes for the terminal": b'{"split": "x", "train": ["\\u001b[31m"], "val": ["a"]}',
}
"""Files that are not the JSON that was expected."""

TRAINING_STATES: dict[str, Change] = {
    "loops that are texts": lambda content, canary: content.update(loops="text"),
    "an optimizer that is a text": lambda content, canary: content.update(optimizer_states=["text"]),
    "a learning rate that is a text": lambda content, canary: content["optimizer_states"][0]["param_groups"][0].update(
        lr="fast"
    ),
    "a schedule that is a text": lambda content, canary: content["lr_schedulers"][0].update(base_lrs="text"),
    "a version that is none": lambda content, canary: content.update({"pytorch-lightning_version": "x"}),
    "a best score that is a text": lambda content, canary: [
        state.update(
            best_k_models={"x": "text"}, kth_best_model_path="x", dirpath=str(Path("run/checkpoints").absolute())
        )
        for name, state in content["callbacks"].items()
        if "best_model_score" in state
    ],
    "another network": lambda content, canary: _model(content)["network"].update(hidden=5),
    "code in an interpolation": lambda content, canary: _model(content).update(name=code_in_an_interpolation(canary)),
    "more epochs than asked for": lambda content, canary: content.update(epoch=10**6),
}
"""Changes to the checkpoint of a run folder, which only show when its run is resumed."""


def _any(folder: Path, suffix: str) -> Path:
    return sorted(folder.glob(f"*{suffix}"))[7]


def _pipe(suffix: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = _any(folder, suffix)
        path.unlink()
        os.mkfifo(path)

    return spoil


def _link(suffix: str, target: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        path = _any(folder, suffix)
        path.unlink()
        path.symlink_to(target)

    return spoil


def _secret(folder: Path) -> None:
    folder.with_name("secret").write_text(f"{SECRET}\n")
    _link(".asf", "../secret")(folder)


def _endless(suffix: str) -> Callable[[Path], None]:
    return lambda folder: os.truncate(_any(folder, suffix), 10**12)  # takes no room


def _named(name: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        for suffix in (".jpg", ".asf"):
            path = _any(folder, suffix)
            path.rename(path.with_stem(name))

    return spoil


def _gigantic(folder: Path) -> None:
    path = _any(folder, ".jpg")
    path.write_bytes(b"P5 60000 60000 255\n")  # what Pillow takes it for does not depend on its name


FOLDERS: dict[str, Callable[[Path], None]] = {
    "a pipe as a photograph": _pipe(".jpg"),
    "a pipe as an annotation": _pipe(".asf"),
    "a device as a photograph": _link(".jpg", "/dev/zero"),
    "a device as an annotation": _link(".asf", "/dev/zero"),
    "a link to nothing": _link(".asf", "nothing"),
    "the environment as an annotation": _link(".asf", "/proc/self/environ"),
    "a secret as an annotation": _secret,
    "an annotation without end": _endless(".asf"),
    "a photograph of gigapixels": _gigantic,
    **{f"{name!a} as a name": _named(name) for name in ("\x1b[31mred", "01-1m\x1b[2J", "a\nb", "\u202e", "j\udcf6rg")},
}
"""Changes to a copy of the drawn faces."""
