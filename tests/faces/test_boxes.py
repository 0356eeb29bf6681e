"""Boxes of faces: checked, merged, rotated back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moue.errors import MoueError
from moue.faces import Face
from moue.faces.boxes import merge, turn_back


@pytest.mark.parametrize(
    "changes", [{"width": 0}, {"height": -1}, {"x": float("nan")}, {"landmarks": np.zeros((4, 2))}]
)
def test_a_face_is_checked(changes):
    with pytest.raises(MoueError, match="face's"):
        Face(**{"x": 0, "y": 0, "width": 5, "height": 5, **changes})


@given(st.integers(0, 3), st.integers(1, 60), st.integers(1, 60), st.data())
def test_turning_back_finds_the_same_pixels(turns, height, width, data):
    turned_height, turned_width = (height, width) if turns % 2 == 0 else (width, height)
    x = data.draw(st.integers(0, turned_width - 1))
    y = data.draw(st.integers(0, turned_height - 1))
    image = np.arange(height * width).reshape(height, width)
    marks = np.full((5, 2), (x + 0.5, y + 0.5), np.float32)
    face = turn_back(Face(x, y, 1, 1, marks), turns, height, width)
    assert (face.width, face.height) == (1, 1)
    assert image[int(face.y), int(face.x)] == np.rot90(image, turns)[y, x]
    np.testing.assert_allclose(face.landmarks, np.full((5, 2), (face.x + 0.5, face.y + 0.5)))


def test_merging_drops_the_same_face_and_parts_of_it():
    big, again = Face(0, 0, 100, 100, face_score=0.9), Face(5, 5, 100, 100, face_score=0.8)
    part, other = Face(40, 40, 20, 20, face_score=0.7), Face(200, 0, 20, 20, face_score=0.95)
    assert merge([part, again, big, other]) == [other, big]
