import numpy as np
import pytest

from facekp.benchmarks.ellipses import Damaged
from facekp.data.dataset import FaceDataset


@pytest.mark.parametrize("damage", ["blur", "noise", "square"])
def test_damage_changes_the_image_of_a_face_and_not_its_points(drawn_records, damage):
    faces = FaceDataset(drawn_records[:2], (160, 120))
    damaged = Damaged(faces, damage)
    assert np.array_equal(damaged.keypoints, faces.keypoints)
    changed = damaged.image(0) != faces.image(0)
    assert changed.mean() > 0.001
    assert np.array_equal(damaged.image(0), damaged.image(0))
