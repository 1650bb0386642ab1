"""What records say of themselves."""

from __future__ import annotations

import pytest

from facekp.data.records import name_of_type


@pytest.mark.parametrize(
    ("image_type", "name"), [(3, "type 3, turned right"), (77, "type 77"), (0, "no type"), (None, "no type")]
)
def test_an_image_type_is_called_by_its_number_and_its_name(image_type, name):
    assert name_of_type(image_type) == name
