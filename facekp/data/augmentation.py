"""Random augmentation of an image together with its keypoints."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from facekp.config import AugmentConfig
from facekp.landmarks.frames import from_pixel_centres, to_pixel_centres
from facekp.landmarks.scheme import Scheme
from facekp.utils.errors import ConfigError
from facekp.utils.instantiate import create_all

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # or albumentations asks the network for its newest version

import albumentations as A
import cv2
from albumentations.core.serialization import Serializable as Transform
from albumentations.core.type_definitions import Targets

cv2.setNumThreads(0)  # the images are small, and its threads would compete with the network's


class Mirror(A.HorizontalFlip):
    """Flip the image horizontally, and swap left and right points.

    Args:
        mirror: for each point the index of the point that it becomes in a mirrored face.
        p: probability.
    """

    def __init__(self, mirror: Sequence[int], p: float = 0.5) -> None:
        super().__init__(p=p)
        self.mirror = list(mirror)

    def apply_to_keypoints(self, keypoints: np.ndarray, *args: Any, **params: Any) -> np.ndarray:
        return super().apply_to_keypoints(keypoints, *args, **params)[self.mirror]


class RandomAffine(A.DualTransform):
    """Rotate about the centre of the image, scale and shift, in one warp that repeats the pixels of the border.

    Equivalent to ``albumentations.Affine`` with these limits, in less than half the time.

    Args:
        rotate_deg: largest angle in either direction.
        scale: largest change of the scale in either direction, as a fraction.
        shift: largest shift in each direction, as a fraction of width and height.
        p: probability.
    """

    _targets = (Targets.IMAGE, Targets.KEYPOINTS)

    def __init__(self, rotate_deg: float, scale: float, shift: float, p: float = 1.0) -> None:
        super().__init__(p=p)
        self._limits = np.array([rotate_deg, scale, shift, shift])

    def get_params_dependent_on_data(self, params: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
        height, width = params["shape"][:2]
        angle, scale, right, down = self._limits * self.random_generator.uniform(-1, 1, 4)
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), angle, 1 + scale)
        matrix[:, 2] += right * width, down * height
        return {"matrix": matrix}

    def apply(self, img: np.ndarray, matrix: np.ndarray, **params: Any) -> np.ndarray:
        size = img.shape[1], img.shape[0]
        return cv2.warpAffine(img, matrix, size, borderMode=cv2.BORDER_REPLICATE).reshape(img.shape)

    def apply_to_keypoints(self, keypoints: np.ndarray, matrix: np.ndarray, **params: Any) -> np.ndarray:
        moved = keypoints.copy()
        moved[:, :2] = keypoints[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        return moved


class Augmentation:
    """Random variants of a face by albumentations, each determined by its key.

    Points move with the image and are kept if they leave it. The same seed and key always give the same variant,
    whichever process makes it and whatever was made before.

    Args:
        transforms: albumentations transforms, applied in this order after the mirror flip.
        scheme: its mirror map says which points swap in a flip.
        mirror: probability of a flip.
        seed: of all variants.

    Raises:
        ConfigError: if one of the transforms does not support keypoints, or the scheme has no mirror map.
    """

    def __init__(self, transforms: Sequence[Transform], scheme: Scheme, mirror: float = 0.0, seed: int = 0) -> None:
        for transform in _flat(transforms):
            if isinstance(transform, A.DualTransform) and Targets.KEYPOINTS not in transform._targets:
                name = type(transform).__name__
                raise ConfigError(f"augment.transforms: {name} does not move keypoints; choose another transform")
        if mirror > 0 and scheme.mirror is None:
            raise ConfigError(
                f"augment.mirror={mirror} is not possible: scheme {scheme.name} does not tell which points "
                "swap in a mirror; set augment.mirror=0, or data.reader.scheme to one with a mirror map"
            )
        self._seed = seed
        self._philox = np.random.Philox(0)
        self._random = random.Random()
        self._compose = A.Compose(
            [Mirror(scheme.mirror or range(len(scheme)), mirror), *transforms],
            keypoint_params=A.KeypointParams(format="xy", remove_invisible=False),
        )
        self._compose.set_random_state(np.random.Generator(self._philox), self._random)

    def __call__(self, image: np.ndarray, keypoints: np.ndarray, key: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Make one variant.

        Args:
            image: uint8 [H, W].
            keypoints: float32 [K, 2], relative to the image.
            key: up to three integers that identify the variant, such as (epoch, sample).

        Returns:
            The augmented image, uint8 [H, W], and its keypoints, float32 [K, 2].
        """
        size = image.shape[1], image.shape[0]
        self._seed_with(key)
        variant = self._compose(image=image[..., None], keypoints=to_pixel_centres(keypoints, size))
        return variant["image"][..., 0], from_pixel_centres(variant["keypoints"], size)

    def _seed_with(self, key: Sequence[int]) -> None:
        """Seed all random numbers by seed and key; Philox generators are designed for such keys and counters."""
        state: Any = self._philox.state
        state["state"]["key"][0] = self._seed
        state["state"]["counter"][:] = 0
        state["state"]["counter"][1 : 1 + len(key)] = key
        state.update(buffer_pos=4, has_uint32=0, uinteger=0)  # nothing is left over from an earlier variant
        self._philox.state = state
        self._random.seed(self._philox.random_raw())


def build_augmentation(augment: AugmentConfig, scheme: Scheme, seed: int) -> Augmentation:
    """Build the augmentation that the ``augment`` settings describe.

    Raises:
        ConfigError: if a transform cannot be created, or does not suit the scheme.
    """
    transforms = create_all(augment.transforms, Transform, "augment.transforms")
    return Augmentation(list(transforms.values()), scheme, augment.mirror, seed)


def _flat(transforms: Sequence[Transform]) -> Iterator[Transform]:
    for transform in transforms:
        yield transform
        yield from _flat(getattr(transform, "transforms", ()))
