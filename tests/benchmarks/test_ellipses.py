import numpy as np
import pytest

from facekp.benchmarks import ellipses
from facekp.benchmarks.ellipses import Damaged
from facekp.data.dataset import FaceDataset
from facekp.inference.load import SHIPPED


@pytest.mark.parametrize("damage", ["blur", "noise", "square"])
def test_damage_changes_the_image_of_a_face_and_not_its_points(drawn_records, damage):
    faces = FaceDataset(drawn_records[:2], (160, 120))
    damaged = Damaged(faces, damage)
    assert np.array_equal(damaged.keypoints, faces.keypoints)
    changed = damaged.image(0) != faces.image(0)
    assert changed.mean() > 0.001
    assert np.array_equal(damaged.image(0), damaged.image(0))


@pytest.mark.slow
@pytest.mark.danes
def test_the_ellipses_of_the_shipped_network_hold_what_they_say(danes_root, monkeypatch, capsys):
    """Within 5 per cent, for all points of the held-out people; docs/robustness.md has the figures."""
    monkeypatch.setenv("FACEKP_DANES", str(danes_root))
    ellipses.main([str(SHIPPED)])
    (calibrated,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("calibrated"))
    told = [float(cell) for cell in calibrated.split()[1:4]]
    assert told == pytest.approx([50, 90, 99], abs=5)
