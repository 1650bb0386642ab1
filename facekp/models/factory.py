"""Creation of networks from the ``model`` settings, with limits on their size."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import (
    register_module_buffer_registration_hook,
    register_module_forward_pre_hook,
    register_module_parameter_registration_hook,
)

from facekp.config import ModelConfig
from facekp.landmarks.scheme import Scheme
from facekp.models.base import KeypointNetwork
from facekp.utils.errors import ConfigError
from facekp.utils.instantiate import create, find_class

_MAX_WEIGHTS = 2**28  # 1 GB; the largest network here has 0.7 million
_MAX_TENSORS = 10_000
_MAX_FEATURES = 2**28  # outputs of all convolutions for one image


def build_network(model: ModelConfig, scheme: Scheme) -> KeypointNetwork:
    """The untrained network that the ``model`` settings describe.

    Args:
        model: the settings.
        scheme: of the keypoints to predict; networks whose constructor has an argument ``scheme`` are given it.

    Raises:
        ConfigError: if there is no such network, it does not accept its settings, or it is too large.
    """
    given: dict[str, Any] = {"num_points": len(scheme), "input_size": tuple(model.input_size)}
    if "scheme" in signature(find_class(model.network.get("_target_"), KeypointNetwork, "model.network")).parameters:
        given["scheme"] = scheme
    with limited_size():
        return create(model.network, KeypointNetwork, "model.network", **given)


class _TooLargeError(BaseException):
    """Not an Exception, so that no ``except`` in the code of a network catches it."""


@contextmanager
def limited_size() -> Iterator[None]:
    """Limit the size of a network that is created, or applied to one image, in the block.

    Raises:
        ConfigError: if it is too large.
    """
    weights = tensors = features = 0

    def count_weights(module: nn.Module, name: str, tensor: Tensor | None) -> None:
        nonlocal weights, tensors  # at this time memory is reserved, but not used yet
        weights, tensors = weights + (0 if tensor is None else tensor.numel()), tensors + 1
        if weights > _MAX_WEIGHTS or tensors > _MAX_TENSORS:
            raise _TooLargeError(f"more than {_MAX_WEIGHTS:,} weights, or {_MAX_TENSORS:,} tensors of them")

    def count_features(module: nn.Module, inputs: Any) -> None:
        nonlocal features
        if isinstance(module, nn.Conv2d):
            features += module.out_channels * inputs[0].shape[-2] * inputs[0].shape[-1]
        if features > _MAX_FEATURES:
            raise _TooLargeError(f"more than {_MAX_FEATURES:,} features of one image")

    handles = [
        register_module_parameter_registration_hook(count_weights),
        register_module_buffer_registration_hook(count_weights),
        register_module_forward_pre_hook(count_features),
    ]
    try:
        yield
    except _TooLargeError as error:
        raise ConfigError(f"model.network and model.input_size ask for {error}; make them smaller") from None
    finally:
        for handle in handles:
            handle.remove()
