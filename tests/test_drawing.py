"""Results drawn on pictures."""

import numpy as np
import pytest
from PIL import Image

from moue.errors import MoueError
from moue.inference.drawing import COLORS, EMOJI, draw, save_drawing
from moue.inference.images import Status
from moue.inference.results import FaceResult, ImageResult
from moue.labels import CLASS_NAMES

CHANCES = dict.fromkeys(CLASS_NAMES, 1 / 7)


def result_of(width, height, *faces):
    return ImageResult("a.png", Status.OK, width, height, tuple(faces), "yunet")


def face_at(*box, emotion="happy"):
    return FaceResult(tuple(map(float, box)), emotion, 0.5, CHANCES, unsure=True, landmarks=((5.0, 5.0),) * 5)


def linear(color):
    return [(part / 255) ** 2.2 for part in color]


def test_every_class_has_its_own_colour_and_emoji():
    assert set(CLASS_NAMES) <= set(COLORS)
    assert set(COLORS) == set(EMOJI)
    assert len(set(COLORS.values())) == len(COLORS)


def test_colours_differ_for_the_colour_blind_too():
    # Red and green cones that answer alike see a colour as (red + green, blue); gray must differ by lightness.
    seen = {name: np.array([(2 * linear(c)[0] + 3 * linear(c)[1]) / 5, linear(c)[2]]) for name, c in COLORS.items()}
    for one in CLASS_NAMES:
        for other in CLASS_NAMES:
            if one < other:
                assert np.abs(seen[one] - seen[other]).max() > 0.05, (one, other)


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize("emotion", [*CLASS_NAMES, "other"])
def test_a_frame_is_seen_on_any_background(background, emotion):
    image = np.full((600, 800, 3), background, np.uint8)
    picture = np.asarray(draw(image, result_of(800, 600, face_at(300, 200, 60, 80, emotion=emotion)), bars=False))
    row = picture[240, 280:300].astype(int)
    assert np.ptp(row @ [299, 587, 114] / 1000) > 60
    assert np.array_equal(picture[500:], image[500:])


@pytest.mark.parametrize("size", [(8, 8), (48, 48), (300, 200), (3000, 2000)])
def test_any_size_and_boxes_over_the_border(size):
    width, height = size
    faces = [face_at(-width, -height, 3 * width, 3 * height), face_at(0, 0, width, height), face_at(1, 1, 0.5, 0.5)]
    picture = draw(np.zeros((height, width), np.uint8), result_of(width, height, *faces), landmarks=True)
    assert picture.width * height == picture.height * width
    assert max(picture.size) >= min(480, max(picture.size))
    assert max(picture.size) >= 480
    assert np.asarray(picture).max() > 100


def test_without_faces_the_picture_stays():
    image = np.random.default_rng(0).integers(0, 256, (500, 600, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(draw(image, result_of(600, 500))), image)


def test_labels_do_not_hide_each_other():
    image = np.zeros((600, 800, 3), np.uint8)
    happy = face_at(100, 300, 60, 60)
    single = np.asarray(draw(image, result_of(800, 600, happy), bars=False))
    both = np.asarray(draw(image, result_of(800, 600, happy, face_at(110, 200, 60, 60, emotion="sad")), bars=False))
    yellow = [(picture == COLORS["happy"]).all(axis=2).sum() for picture in (single, both)]
    assert yellow[1] > 0.9 * yellow[0]


def test_another_picture_is_refused(tmp_path):
    with pytest.raises(MoueError, match="10 x 20 pixels"):
        draw(np.zeros((20, 10), np.uint8), result_of(20, 10))
    with pytest.raises(MoueError, match=r"\.jpg"):
        save_drawing(Image.new("RGB", (5, 5)), tmp_path / "a.tga")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_drawings_are_written_and_not_replaced(tmp_path, suffix):
    path = save_drawing(Image.new("RGB", (50, 40)), tmp_path / f"new/a{suffix}")
    assert Image.open(path).size == (50, 40)
    with pytest.raises(MoueError, match="exists already"):
        save_drawing(Image.new("RGB", (5, 5)), path)
