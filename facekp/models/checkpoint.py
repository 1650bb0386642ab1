"""Reading of checkpoints, which are not trusted.

They are read with ``weights_only=True``, so that unpickling executes no code; their settings are plain data, checked by
the same schema as those of a command line; and the classes that they name must be loaded already.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from facekp.config import DataConfig, ModelConfig, settings_from_file
from facekp.data.records import Reader
from facekp.landmarks.scheme import Scheme
from facekp.landmarks.scheme_files import parse_scheme
from facekp.models.base import KeypointNetwork
from facekp.utils.errors import CheckpointError, ConfigError
from facekp.utils.instantiate import create, loaded_class
from facekp.utils.plain import plain

_MAX_VALUES = 100_000  # of the settings


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint.

    Args:
        path: of the file.
        model: the settings of its network that prediction needs.
        scheme: the landmarks of its training data.
        epoch, step: how many epochs and iterations it was trained.
        state: the module's state_dict.
        data: the data module's state_dict, unchecked.
        measured: what :func:`facekp.runs.find.measured_of` told of it when it was shipped, unchecked.
    """

    path: Path
    model: ModelConfig
    scheme: Scheme
    epoch: int
    step: int
    state: dict[str, Tensor]
    data: Any
    measured: Any = None

    def data_settings(self) -> tuple[DataConfig, int]:
        """The settings of its training data, with defaults for missing ones, and the seed of their split.

        Raises:
            CheckpointError: if it has none, or they name a class that is not trusted.
        """
        try:
            stored = plain(self.data, targets=("settings.reader",), at_most=_MAX_VALUES)
            data = settings_from_file(DataConfig, stored["settings"], "data")
            loaded_class(data.reader.get("_target_"), Reader, "facekp.data.readers")
            create(data.reader, Reader, "data.reader")
            return data, _count(stored["seed"], "its seed")
        except (KeyError, TypeError) as error:
            raise CheckpointError(f"{self.path} does not tell on which data it was trained ({error})") from error
        except (ConfigError, ValueError) as error:
            raise CheckpointError(f"{self.path}: {error}") from error


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Open a checkpoint file.

    Raises:
        CheckpointError: if it is not a checkpoint of this project, is damaged, or names a class that is not trusted.
    """
    path = Path(path)
    try:
        _refuse_bomb(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a file that is not a checkpoint may raise anything
        raise CheckpointError(f"{path} is not a checkpoint, or is damaged; give one that train.py wrote") from error
    stored = content.get("hyper_parameters") if isinstance(content, dict) else None
    if not isinstance(stored, Mapping) or not isinstance(content.get("state_dict"), dict):
        raise CheckpointError(f"{path} is not a checkpoint of facekp; give one that train.py wrote")
    opened = described(path, dict(stored), content, content["state_dict"], content.get("FaceDataModule"))
    return replace(opened, measured=content.get("measured"))


def described(
    path: Path, settings: dict[str, Any], progress: Mapping[str, Any], state: dict[str, Tensor], data: Any
) -> Checkpoint:
    """What a file tells of its network, checked.

    Args:
        path: of the file.
        settings: ``model`` and ``scheme``.
        progress: ``epoch`` and ``global_step``.
        state, data: see :class:`Checkpoint`.

    Raises:
        CheckpointError: if the settings are not possible, or name a class that is not trusted.
    """
    try:
        stored = plain(settings, targets=("model.network",), at_most=_MAX_VALUES)
        model = settings_from_file(ModelConfig, stored["model"], "model")
        loaded_class(model.network.get("_target_"), KeypointNetwork, "facekp.models")
        return Checkpoint(
            path=path,
            model=model,
            scheme=parse_scheme(stored["scheme"], "scheme"),
            epoch=_count(progress["epoch"], "its epoch") + 1,
            step=_count(progress["global_step"], "its step"),
            state=state,
            data=data,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} was made by another version of facekp ({error}); train again") from error
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _count(number: Any, name: str) -> int:
    if type(number) is not int or not 0 <= number < 2**40:
        raise ValueError(f"{name} is not a possible number")
    return number


def _refuse_bomb(path: Path) -> None:
    """Refuse a file that would unpack to more than its size; torch does not compress its files."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise ValueError("it is compressed")
