"""All settings, with their types, bounds and defaults.

The YAML files under ``conf/`` hold what makes one model, data set or trainer differ from another. Nothing heavy is
imported here, so mistakes are reported at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from facekp.utils.errors import ConfigError
from facekp.utils.files import name_of
from facekp.utils.plain import plain

CONF = Path(__file__).parent.parent / "conf"
"""The folder of the YAML files."""

T = TypeVar("T")

Specs = dict[str, Any]
"""Objects to create, by name: each is a mapping with ``_target_`` (the class) and its arguments, or null for none."""


def _setting(default: Any = MISSING, *, help: str, **bounds: Any) -> Any:
    """A field with a help text and bounds: ``above``, ``at_least``, ``below``, ``at_most``, ``one_of``, ``length``.

    A choice of ``one_of`` may contain ``*`` for any characters.
    """
    metadata = bounds | {"help": help}
    if isinstance(default, (list, dict)):
        return field(default_factory=lambda: default.copy(), metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass
class DataConfig:
    """The data set, its labels and its split."""

    name: str = _setting(help="shown on every figure and table")
    reader: Specs = _setting({}, help="what reads the data set: the class of a Reader, and its arguments")
    root: str | None = _setting(None, help="folder of the images and annotations")
    folder: str = _setting("data", help="where downloaded and drawn data sets are kept")
    download: list[str] = _setting([], help="addresses of the set's archive, used if root is not set")
    on_missing: str = _setting("error", one_of=("error", "standin"), help="if there are no faces: standin draws some")
    people: int = _setting(40, at_least=1, at_most=10_000, help="number of stand-in people to draw")
    on_bad: str = _setting("error", one_of=("error", "skip"), help="skip leaves out faces whose files are broken")
    labels: str = _setting("mended", one_of=("mended", "raw"), help="mended: with mis-ordered eyes corrected")
    split: str = _setting(
        "course",
        one_of=("course", "random", "person_folds", "all", "*.json"),
        help="which images are held out; all: for evaluation only; a .json file is the split.json of another run",
    )
    fold: int = _setting(0, at_least=0, help="with person_folds: which fold is held out, counted from 0")
    folds: int = _setting(5, at_least=2, at_most=1_000_000, help="with person_folds: how many there are")
    val_fraction: float = _setting(0.2, above=0, below=1, help="with split=random: fraction of the images held out")
    persons: list[int] | None = _setting(None, length=2, help="use only these persons, first and last, as in [1,32]")
    train_people: int | None = _setting(None, at_least=1, help="train only on this many people, whom the seed selects")
    batch_size: int = _setting(16, at_least=1, at_most=65_536, help="images per step, over all processes together")
    samples_per_image: int = _setting(1, at_least=1, at_most=100_000, help="uses of each image in an epoch")
    num_workers: int | None = _setting(
        None, at_least=0, at_most=1024, help="processes that prepare batches; null: as many as pay off"
    )
    cache_mb: int = _setting(
        512, at_least=0, at_most=1_000_000, help="decoded images up to this size in all stay in memory"
    )


@dataclass
class AugmentConfig:
    """The augmentation of training images."""

    name: str = _setting(help="shown in tables")
    mirror: float = _setting(0.0, at_least=0, at_most=1, help="probability; left and right points are swapped")
    transforms: Specs = _setting({}, help="of albumentations, in this order")


@dataclass
class ModelConfig:
    """A network, its input and output, and the defaults of its training."""

    name: str = _setting(help="shown in tables; names the folder of the run")
    network: Specs = _setting({}, help="the class of a KeypointNetwork, and its arguments")
    input_size: list[int] = _setting(
        [160, 120], length=2, at_least=8, at_most=4096, help="width and height to which images are scaled"
    )
    selection: str = _setting("all", help="the points to predict: a selection or group of the landmark scheme")
    flip_test: bool = _setting(False, help="predict the mean of an image's keypoints and of its mirror image's")
    max_epochs: int = _setting(25, at_least=1, at_most=1_000_000, help="default of trainer.max_epochs")
    batch_size: int = _setting(16, at_least=1, at_most=65_536, help="default of data.batch_size")
    samples_per_image: int = _setting(1, at_least=1, at_most=100_000, help="default of data.samples_per_image")
    lr: float = _setting(1e-3, above=0, help="learning rate: default of optimizer.lr with AdamW")
    weight_decay: float = _setting(0.0, at_least=0, help="default of optimizer.weight_decay with AdamW")


@dataclass
class TrainerConfig:
    """Arguments of Lightning's Trainer; any other is given as +trainer.<name>=..."""

    max_epochs: int = _setting(25, at_least=1, at_most=1_000_000, help="how many epochs to train, in all")
    accelerator: str = _setting("auto", one_of=("auto", "cpu", "gpu", "mps"), help="kind of device; auto: the fastest")
    devices: int = _setting(1, at_least=1, at_most=1024, help="per machine; one process each")
    num_nodes: int = _setting(1, at_least=1, at_most=1024, help="machines")
    precision: str = _setting(
        "32-true", one_of=("32-true", "bf16-mixed", "16-mixed"), help="of the numbers; mixed is faster on many GPUs"
    )
    gradient_clip_val: float | None = _setting(None, above=0, help="longer gradients are shortened to this norm")
    check_val_every_n_epoch: int = _setting(1, at_least=1, help="epochs between two validations")
    log_every_n_steps: int = _setting(1, at_least=1, help="steps between two points of TensorBoard's curves")
    limit_train_batches: float = _setting(1.0, above=0, at_most=1, help="fraction of each epoch to train")
    enable_progress_bar: bool = _setting(True, help="false: lines instead of a bar")
    compile: bool = _setting(False, help="compile the network by torch.compile")

    @property
    def others(self) -> dict[str, Any]:
        """The arguments that have no type and bounds here; Lightning checks them."""
        return {name: value for name, value in vars(self).items() if name not in self.__dataclass_fields__}

    @property
    def world_size(self) -> int:
        """Number of processes that train together, one per device."""
        return self.devices * self.num_nodes


@dataclass
class Config:
    """All settings of ``train.py``."""

    data: DataConfig = field(default_factory=DataConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    optimizer: Specs = _setting({}, help="the class of an Optimizer, and its arguments")
    schedule: Specs = _setting({}, help="the class of an LRScheduler; total_steps stands for the number of steps")
    trainer: TrainerConfig = field(default_factory=TrainerConfig)
    callbacks: Specs = _setting({}, help="of Lightning; null leaves one out")
    logger: Specs = _setting({}, help="of Lightning; null leaves one out")
    seed: int = _setting(0, at_least=0, below=2**32, help="of all random numbers")
    resume: str | None = _setting(None, help="a run folder to continue with its own settings, or last: the newest")
    trust: list[str] = _setting([], help="modules whose classes a file may name; they are imported")
    run_dir: str = _setting("${hydra:runtime.output_dir}", help="the folder of everything that the run writes")


@dataclass
class EvaluateConfig:
    """All settings of ``evaluate.py``."""

    ckpt_path: str | None = _setting(None, help="a checkpoint, run folder or exported file to evaluate")
    compare: Any = _setting(None, help="instead: run folders to compare, as in [one,other], or a folder of them")
    weights: str = _setting("last", one_of=("last", "best"), help="which checkpoint of a run folder")
    trust: list[str] = _setting([], help="modules whose classes a checkpoint may name; they are imported")
    data: Any = _setting({}, help="what differs from training; data=... is another data set", schema=DataConfig)
    accelerator: str = _setting("auto", one_of=("auto", "cpu", "gpu", "mps"), help="kind of device; auto: the fastest")
    output_dir: str | None = _setting(None, help="folder for the results; null: a new one inside the run folder")


def register() -> None:
    """Register with Hydra the schemas, under the names in the defaults of ``conf/*.yaml``, and ``runs_of``.

    ``${runs_of:<data>,<model>}`` names the folder of a model's runs, with the data set unless it is the Danes.
    """
    OmegaConf.register_new_resolver("runs_of", _runs_of, replace=True)
    store = ConfigStore.instance()
    store.store(name="train_schema", node=Config)
    evaluate = OmegaConf.structured(EvaluateConfig)
    evaluate.data = OmegaConf.structured(
        DataConfig(**dict.fromkeys((item.name for item in fields(DataConfig)), MISSING))
    )
    store.store(name="evaluate_schema", node=evaluate)


def _runs_of(data: str, model: str) -> str:
    return name_of(model if data == "danes" else f"{data}-{model}")


def checked(config: DictConfig) -> Any:
    """Convert a composed config to its dataclass, and check that every value is within its bounds.

    Args:
        config: composed from one of the schemas.

    Returns:
        A :class:`Config` or an :class:`EvaluateConfig`.

    Raises:
        ConfigError: naming the setting, its value and what is allowed.
    """
    if OmegaConf.get_type(config) is EvaluateConfig:
        given = {str(name): config[name] for name in config} | {"data": _given(config.data)}
        config = OmegaConf.structured(EvaluateConfig(**given))
    missing = OmegaConf.missing_keys(config)
    if missing:
        raise ConfigError(f"{min(missing)} must be given, for example {min(missing)}=...")
    made = OmegaConf.to_object(config)
    _check_bounds(made, "")
    if isinstance(made, Config):
        _check_optimizer(made.optimizer)
        _check_plain(made)
    if isinstance(made, Config) and made.data.batch_size % made.trainer.world_size:
        raise ConfigError(
            f"data.batch_size={made.data.batch_size} cannot be shared evenly by {made.trainer.world_size} processes "
            "(trainer.devices times trainer.num_nodes); choose a multiple of their number"
        )
    if isinstance(made, EvaluateConfig):
        named = made.compare if isinstance(made.compare, list) else [made.compare]
        made.compare = [str(path) for path in named if path is not None]
        if bool(made.ckpt_path) == bool(made.compare):
            raise ConfigError("give one of ckpt_path=... (a checkpoint or run folder) and compare=[...] (run folders)")
    return made


def _given(data: DictConfig) -> dict[str, Any]:
    """The data settings of an evaluation that were given."""
    names = [str(name) for name in data if not OmegaConf.is_missing(data, name)]
    return OmegaConf.to_container(OmegaConf.masked_copy(data, names), resolve=True)  # type: ignore[return-value]


def evaluated_data(stored: DataConfig, given: Mapping[str, Any]) -> DataConfig:
    """The data settings of an evaluation.

    Args:
        stored: those of the training, from its checkpoint.
        given: those that differ. If they name a reader, it is another data set, of which nothing is as in the training.

    Raises:
        ConfigError: naming the setting, its value and what is allowed.
    """
    kept = {} if "reader" in given else asdict(stored) | {"download": [], "on_missing": "error"}
    return settings_from_file(DataConfig, kept | dict(given), "data")  # a checkpoint must not choose what is written


def settings_from_file(schema: type[T], values: Mapping[str, Any], where: str) -> T:
    """Convert settings from a file to their dataclass, and check the type and the bounds of every value.

    Args:
        values: by the names of its fields; plain data, see :func:`facekp.utils.plain.plain`.
        where: what messages call the settings, such as ``data``.

    Raises:
        ConfigError: naming the setting, its value and what is allowed.
    """
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(values)))
    except OmegaConfBaseException as error:
        raise ConfigError(f"{where}.{error.full_key}: {str(error).splitlines()[0]}") from error
    _check_bounds(made, f"{where}.")
    return made  # type: ignore[return-value]


def _check_bounds(made: Any, path: str) -> None:
    known = {item.name: item.metadata for item in fields(made)}
    for name, value in vars(made).items():
        if name in known and is_dataclass(value):
            _check_bounds(value, f"{path}{name}.")
        elif name in known:
            _check(path + name, value, known[name])
        elif not isinstance(made, TrainerConfig):
            raise ConfigError(f"there is no setting {path}{name}; leave out +{path}{name}")
    if isinstance(made, DataConfig) and made.fold >= made.folds:
        raise ConfigError(
            f"data.fold={made.fold} does not exist: with data.folds={made.folds} the folds are 0 to {made.folds - 1}"
        )


def _check_plain(config: Config) -> None:
    """Check that the settings would be accepted in a checkpoint."""
    try:
        named = {"name": config.model.name, "network": config.model.network}
        plain({"data": asdict(config.data), "model": named}, targets=("data.reader", "model.network"))
    except ValueError as error:
        raise ConfigError(f"{error}; these settings must be plain values, for checkpoints hold them") from error


def _check_optimizer(optimizer: Specs) -> None:
    """Check the settings that models set by default against the bounds in :class:`ModelConfig`."""
    for item in fields(ModelConfig):
        if item.name in ("lr", "weight_decay") and item.name in optimizer:
            path, value = f"optimizer.{item.name}", optimizer[item.name]
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ConfigError(f"{path}={value} is not possible: it must be a number")
            _check(path, value, item.metadata)


def _check(path: str, value: Any, bounds: Mapping[str, Any]) -> None:
    if value is None:
        return
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{path}={value} is not possible: it must be a number")
    if "length" in bounds and len(value) != bounds["length"]:
        raise ConfigError(f"{path} takes {bounds['length']} numbers, not {value}")
    values = value if isinstance(value, list) else [value]
    for name, holds in _TESTS.items():
        if name in bounds and not all(holds(each, bounds[name]) for each in values):
            (wanted,) = allowed({name: bounds[name]})
            raise ConfigError(f"{path}={value} is not possible: it must be {wanted}")


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "above": lambda number, bound: number > bound,
    "at_least": lambda number, bound: number >= bound,
    "below": lambda number, bound: number < bound,
    "at_most": lambda number, bound: number <= bound,
    "one_of": lambda choice, bound: any(fnmatchcase(choice, each) for each in bound),
}


def allowed(bounds: Mapping[str, Any]) -> list[str]:
    """The bounds of a setting in words, from the metadata of its field."""
    words = {"above": "more than {}", "at_least": "at least {}", "below": "less than {}", "at_most": "at most {}"}
    if {"at_least", "at_most"} <= set(bounds):
        return [f"{bounds['at_least']} to {bounds['at_most']}"]
    told = [words[name].format(bound) for name, bound in bounds.items() if name in words]
    return told + ([f"one of {', '.join(bounds['one_of'])}"] if "one_of" in bounds else [])
