from dataclasses import replace

import numpy as np
import pytest

from facekp.data.label_repair import mend, swapped_eyes
from facekp.landmarks.scheme import DANES, Scheme

FROM_THE_INNER_CORNER = [4, 3, 2, 1, 0, 7, 6, 5]


def test_faces_in_order_are_left_alone(drawn_records):
    for record in drawn_records:
        assert swapped_eyes(record.keypoints, DANES) == []
        assert mend(record, DANES) is record


@pytest.mark.parametrize("eyes", [DANES.eyes[:1], DANES.eyes[1:], DANES.eyes])
def test_eyes_listed_from_the_inner_corner_are_found_and_mended(drawn_records, eyes):
    for record in drawn_records:
        keypoints = record.keypoints.copy()
        for eye in eyes:
            keypoints[list(eye)] = keypoints[[eye[i] for i in FROM_THE_INNER_CORNER]]
        assert swapped_eyes(keypoints, DANES) == list(eyes)
        np.testing.assert_array_equal(mend(replace(record, keypoints=keypoints), DANES).keypoints, record.keypoints)


def test_where_no_eyes_are_known_there_is_nothing_to_mend(drawn_records):
    assert swapped_eyes(drawn_records[0].keypoints, Scheme.unknown(58)) == []
