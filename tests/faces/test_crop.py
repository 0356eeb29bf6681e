"""Cropping faces: place, size, tilt, borders, averaging."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from moue.classifier.input_spec import InputSpec
from moue.errors import MoueError
from moue.faces import Face
from moue.faces.crop import VIEWS, crop_face, frame_of

PLAIN = InputSpec(crop_margin=0.0, crop_shift=0.0)
LEVEL = np.array([[30, 40], [70, 40], [50, 60], [35, 80], [65, 80]], np.float32)


def pattern(size=200):
    """A smooth image without any symmetry, uint8 (size, size)."""
    y, x = np.mgrid[:size, :size] / size
    return np.rint(127 + 60 * np.sin(7 * x + 3 * y) + 60 * np.cos(5 * y - 2 * x * x)).astype(np.uint8)


def turned(points, angle, centre):
    cos, sin = math.cos(angle), math.sin(angle)
    return ((points - centre) @ np.array([[cos, sin], [-sin, cos]]) + centre).astype(np.float32)


def test_a_square_of_48_pixels_is_cropped_as_it_is():
    image = pattern()
    crop = crop_face(image, Face(50, 60, 48, 48), PLAIN)
    assert crop.shape == (48, 48, 1)
    assert crop.dtype == np.uint8
    assert np.abs(crop[..., 0].astype(int) - image[60:108, 50:98]).max() <= 1


def test_margin_and_shift_are_fractions_of_the_size_of_the_box():
    face = Face(100, 100, 40, 90)  # its size is 60
    frame = frame_of(face, dataclasses.replace(PLAIN, crop_margin=0.5, crop_shift=0.1))
    assert (frame.x, frame.y, frame.side, frame.angle) == (120, 151, 90, 0)
    assert frame_of(face, PLAIN, zoom=2).side == 120
    turned_face = Face(100, 100, 90, 40, turned(LEVEL, math.pi / 2, (50, 50)))
    frame = frame_of(turned_face, dataclasses.replace(PLAIN, crop_shift=0.1))
    assert frame.side == pytest.approx(60)
    assert (frame.x, frame.y) == pytest.approx((145 - 6, 120))


@pytest.mark.parametrize("degrees", [0, 10, -30, 45, 90, 180, -90])
def test_a_tilted_face_is_levelled(degrees):
    image = pattern(300)
    angle = math.radians(degrees)
    centre = (150.0, 150.0)
    rotated = Image.fromarray(image).rotate(-degrees, Image.Resampling.BICUBIC, center=centre)
    box = (100, 100, 100, 100)
    level = crop_face(image, Face(*box, LEVEL + 100), PLAIN)
    found = crop_face(np.asarray(rotated), Face(*box, turned(LEVEL + 100, angle, centre)), PLAIN)
    assert np.abs(found.astype(int) - level).max() <= 6
    left = crop_face(np.asarray(rotated), Face(*box, turned(LEVEL + 100, angle, centre)), PLAIN, level=False)
    assert degrees == 0 or np.abs(left.astype(int) - level).max() > 10


def test_landmarks_in_profile_do_not_rotate_the_face():
    points = np.array([[50, 40], [50, 44], [30, 60], [50, 80], [51, 79]], np.float32)
    assert frame_of(Face(0, 0, 100, 100, points), PLAIN).angle == 0


def test_the_border_is_repeated_and_nothing_stretched():
    image = pattern(100)
    crop = crop_face(image, Face(-24, -24, 48, 48), PLAIN)[..., 0].astype(int)
    assert np.abs(crop[24:, 24:] - image[:24, :24]).max() <= 1
    assert np.abs(crop[:24, 24:] - image[0, :24]).max() <= 1
    assert np.abs(crop[:24, :24] - int(image[0, 0])).max() <= 1


@pytest.mark.parametrize("factor", [2, 4, 9, 37])
def test_reducing_averages(factor):
    side = 48 * factor
    board = np.indices((side, side)).sum(axis=0) % 2 * 255  # single pixels, black and white
    crop = crop_face(board.astype(np.uint8), Face(0, 0, side, side), PLAIN)
    inner = crop[2:-2, 2:-2].astype(int)
    assert np.abs(inner - 127).max() <= 4


def test_color_becomes_the_same_gray_as_everywhere():
    image = np.empty((100, 100, 3), np.uint8)
    image[:] = (200, 100, 50)
    assert set(np.unique(crop_face(image, Face(20, 20, 60, 60), PLAIN))) <= {123, 124, 125}


@pytest.mark.parametrize("box", [(100, 0, 10, 10), (-20, 0, 20, 10), (0, 200, 5, 5), (0, 0, 900, 20)])
def test_a_box_outside_is_refused(box):
    with pytest.raises(MoueError, match="box in the image of 100 x 80"):
        crop_face(np.zeros((80, 100), np.uint8), Face(*box), PLAIN)


@settings(max_examples=60)
@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.tuples(st.floats(-1, 0.99), st.floats(-1, 0.99), st.floats(0.01, 2), st.floats(0.01, 2)),
    st.sampled_from(VIEWS),
    st.booleans(),
)
def test_any_box_that_touches_the_image_gives_a_crop(height, width, box, zoom, gray):
    x, y, box_width, box_height = box
    image = np.full((height, width) if gray else (height, width, 3), 90, np.uint8)
    face = Face(x * width, y * height, (box_width + max(0, -x)) * width, (box_height + max(0, -y)) * height)
    crop = crop_face(image, face, InputSpec(), zoom=zoom)
    assert crop.shape == (48, 48, 1)
    assert set(np.unique(crop)) <= {89, 90, 91}
