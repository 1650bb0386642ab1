"""Opening a checkpoint, which may be a stranger's.

It is read with ``weights_only=True``, so that unpickling runs no code; its settings are plain data, checked by the
schema that a person's own are checked by; and the classes that they name must be loaded already.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
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

_VALUES = 100_000  # that the settings may have


@dataclass(frozen=True)
class Checkpoint:
    """An opened checkpoint.

    Args:
        path: where it lies.
        model: the settings of the network that made it, as far as predicting needs them.
        scheme: the landmarks that it was trained on.
        epoch, step: how many epochs and iterations it was trained.
        state: the module's state_dict.
        data: the data module's state_dict, unchecked.
    """

    path: Path
    model: ModelConfig
    scheme: Scheme
    epoch: int
    step: int
    state: dict[str, Tensor]
    data: Any

    def data_settings(self) -> tuple[DataConfig, int]:
        """The data that it was trained on, and the seed that divided them; of what is not said, the defaults.

        Raises:
            CheckpointError: if it does not tell, or names a class that is not trusted.
        """
        try:
            stored = plain(self.data, targets=("settings.reader",), at_most=_VALUES)
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
        CheckpointError: if it is no checkpoint, is damaged, was not made by this project, or names a class that is not
            trusted.
    """
    path = Path(path)
    try:
        _refuse_bomb(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a file can hold that is no checkpoint has no end
        raise CheckpointError(f"{path} is not a checkpoint, or is damaged; give one that train.py wrote") from error
    told = content.get("hyper_parameters") if isinstance(content, dict) else None
    if not isinstance(told, Mapping) or not isinstance(content.get("state_dict"), dict):
        raise CheckpointError(f"{path} is not a checkpoint of facekp; give one that train.py wrote")
    try:
        stored = plain(dict(told), targets=("model.network",), at_most=_VALUES)
        model = settings_from_file(ModelConfig, stored["model"], "model")
        loaded_class(model.network.get("_target_"), KeypointNetwork, "facekp.models")
        return Checkpoint(
            path=path,
            model=model,
            scheme=parse_scheme(stored["scheme"], "scheme"),
            epoch=_count(content["epoch"], "its epoch") + 1,
            step=_count(content["global_step"], "its step"),
            state=content["state_dict"],
            data=content.get("FaceDataModule"),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path} was made by another version of facekp ({error}); train again") from error
    except (ConfigError, ValueError) as error:
        raise CheckpointError(f"{path}: {error}") from error


def _count(number: Any, name: str) -> int:
    if type(number) is not int or not 0 <= number < 2**40:
        raise ValueError(f"{name} is no number that can be")
    return number


def _refuse_bomb(path: Path) -> None:
    """Stop before a file is read that would unpack to more than it holds; what torch writes is not compressed."""
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
            raise ValueError("it claims more than it holds")
