"""Layers of a network, and filters and feature maps of its first convolutions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from facekp.models.module import KeypointModule
from facekp.reporting.figures import new_figure

_CONVOLUTIONS = 3
_MAX_CHANNELS = 32  # drawn of a layer


@dataclass(frozen=True)
class Layer:
    """One row of a network's summary.

    Args:
        name: within the network.
        kind: its class with its sizes, as torch prints them.
        shape: of its output for one image.
        weights: number of parameters, without those shared with an earlier layer.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    weights: int


def layers_of(module: KeypointModule, image: Tensor) -> list[Layer]:
    """The layers of a network in the order in which an image, uint8 [H, W], passes through them.

    Parameters outside these layers have a last row of their own, so that the rows add up to the total.
    """
    names = {layer: name for name, layer in module.network.named_modules()}
    counted: set[nn.Parameter] = set()
    rows = []
    for layer, output in _outputs(module, image):
        shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
        rows.append(Layer(names[layer], _kind_of(layer), shape, _count(layer, counted)))
    others = _count(module.network, counted)
    return [*rows, Layer("", "weights outside these layers", (), others)] if others else rows


def _kind_of(layer: nn.Module) -> str:
    """A layer as torch prints it, without the arguments of normalisation, which are the same everywhere."""
    kind, cut, _ = repr(layer).partition(", eps=")
    return f"{kind})" if cut else kind


def _count(layer: nn.Module, counted: set[nn.Parameter]) -> int:
    """Number of parameters of a layer that were not counted before."""
    new = set(layer.parameters()) - counted
    counted |= new
    return sum(parameter.numel() for parameter in new)


def first_convolutions(module: KeypointModule, image: Tensor) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights [out, in, h, w] and feature maps [out, h', w'] of the first convolutions for an image, uint8 [H, W]."""
    found = [(layer.weight, output[0]) for layer, output in _outputs(module, image) if isinstance(layer, nn.Conv2d)]
    return [(w.detach().float().cpu().numpy(), maps.float().cpu().numpy()) for w, maps in found[:_CONVOLUTIONS]]


def _outputs(module: KeypointModule, image: Tensor) -> list[tuple[nn.Module, Any]]:
    """The layers of a network and their outputs, in the order in which an image, uint8 [H, W], passes through them."""
    outputs: list[tuple[nn.Module, Any]] = []
    layers = [layer for layer in module.network.modules() if not list(layer.children())]
    hooks = [layer.register_forward_hook(lambda layer, _, output: outputs.append((layer, output))) for layer in layers]
    with torch.inference_mode():
        module(image[None, None].to(module.device))
    for hook in hooks:
        hook.remove()
    return outputs


def draw_filters(weights: np.ndarray, title: str, caption: str) -> Figure:
    """The kernels of a convolution: a column for each output channel, a row for each input channel.

    One colour scale, symmetric about zero, is used for the whole layer. Of a large layer the first channels are shown.

    Args:
        weights: float [out, in, h, w].
    """
    drawn = weights[:_MAX_CHANNELS, :_MAX_CHANNELS]
    sheet = _mosaic(drawn.swapaxes(0, 1))
    if drawn.shape != weights.shape:
        title += f" (the first {drawn.shape[0]} of {weights.shape[0]}, {drawn.shape[1]} of {weights.shape[1]} inputs)"
    inches = min(8.3 / sheet.shape[1], 5.5 / sheet.shape[0])  # of one weight
    figure = new_figure(max(6, 1.2 + inches * sheet.shape[1]), 1.1 + inches * sheet.shape[0], title, caption)
    axes = figure.subplots()
    axes.set_axis_off()
    limit = float(np.abs(drawn).max())
    picture = axes.imshow(sheet, cmap="PuOr", vmin=-limit, vmax=limit)
    figure.colorbar(picture, ax=axes, label="weight", ticks=[-limit, 0, limit], format="%.2g", fraction=0.03, aspect=25)
    return figure


def draw_responses(image: np.ndarray, maps: np.ndarray, title: str, caption: str) -> Figure:
    """The feature maps of a convolution for one image; of a large layer those of the first channels.

    Args:
        maps: float [channels, h, w], each on a scale of its own from its least to its largest value.
    """
    drawn = maps[:_MAX_CHANNELS]
    if len(drawn) < len(maps):
        title += f" (the first {len(drawn)} of {len(maps)} channels)"
    least, largest = drawn.min((1, 2), keepdims=True), drawn.max((1, 2), keepdims=True)
    scaled = (drawn - least) / np.maximum(largest - least, np.finfo(drawn.dtype).tiny)
    columns = min(len(scaled), 6)
    missing = -len(scaled) % columns
    padded = np.concatenate([scaled, np.full((missing, *scaled.shape[1:]), np.nan)])
    sheet = _mosaic(padded.reshape(-1, columns, *scaled.shape[1:]), gap=max(1, scaled.shape[2] // 20))
    figure = new_figure(9.5, 1.2 + 7 * sheet.shape[0] / sheet.shape[1], title, caption)
    face, responses = figure.subplots(1, 2, width_ratios=(1.2, 6))
    face.imshow(image, cmap="gray", vmin=0, vmax=255)
    picture = responses.imshow(sheet, cmap="magma", vmin=0, vmax=1)
    scale = figure.colorbar(picture, ax=responses, ticks=[0, 1], fraction=0.03, aspect=25)
    scale.set_ticklabels(["least", "largest"])
    for axes in (face, responses):
        axes.set_axis_off()
    return figure


def _mosaic(tiles: np.ndarray, gap: int = 1) -> np.ndarray:
    """Arrange tiles [rows, columns, h, w] in one picture, separated by gaps of NaN, which are not drawn."""
    padded = np.pad(tiles, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=np.nan)
    rows, columns, height, width = padded.shape
    return padded.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)[:-gap, :-gap]
