"""Results drawn on images."""

import numpy as np
import pytest
from PIL import Image

from moue.drawing.colors import COLORS, class_colors
from moue.drawing.draw import LABELS, draw, save_drawing
from moue.drawing.icons import face_icon
from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.media.decode import Status
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult

CHANCES = dict.fromkeys(CLASS_NAMES, 1 / 7)


def result_of(width, height, *faces):
    return ImageResult("a.png", Status.OK, width, height, tuple(faces), "yunet")


def face_at(*box, emotion="happy"):
    return FaceResult(tuple(map(float, box)), emotion, 0.5, CHANCES, unsure=True, landmarks=((5.0, 5.0),) * 5)


def linear(color):
    return [(part / 255) ** 2.2 for part in color]


def test_every_class_has_its_own_colour():
    assert set(CLASS_NAMES) <= set(COLORS)
    assert len(set(COLORS.values())) == len(COLORS)


def test_colours_differ_for_colour_blind_people_too():
    # If red and green cones respond alike, a colour is seen as (red + green, blue); gray must differ by lightness.
    seen = {name: np.array([(2 * linear(c)[0] + 3 * linear(c)[1]) / 5, linear(c)[2]]) for name, c in COLORS.items()}
    for one in CLASS_NAMES:
        for other in CLASS_NAMES:
            if one < other:
                assert np.abs(seen[one] - seen[other]).max() > 0.05, (one, other)


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize("emotion", [*CLASS_NAMES, "other"])
def test_a_frame_is_visible_on_any_background(background, emotion):
    image = np.full((600, 800, 3), background, np.uint8)
    drawing = np.asarray(draw(image, result_of(800, 600, face_at(300, 200, 60, 80, emotion=emotion)), bars=False))
    row = drawing[240, 280:300].astype(int)
    assert np.ptp(row @ [299, 587, 114] / 1000) > 60
    assert np.array_equal(drawing[500:], image[500:])


@pytest.mark.parametrize("size", [(8, 8), (48, 48), (300, 200), (3000, 2000)])
def test_any_size_and_boxes_beyond_the_border(size):
    width, height = size
    faces = [face_at(-width, -height, 3 * width, 3 * height), face_at(0, 0, width, height), face_at(1, 1, 0.5, 0.5)]
    drawing = draw(np.zeros((height, width), np.uint8), result_of(width, height, *faces), landmarks=True)
    assert drawing.width * height == drawing.height * width
    assert max(drawing.size) >= 480
    assert np.asarray(drawing).max() > 100


def test_without_faces_the_image_is_unchanged():
    image = np.random.default_rng(0).integers(0, 256, (500, 600, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(draw(image, result_of(600, 500))), image)


def test_labels_do_not_hide_each_other():
    image = np.zeros((600, 800, 3), np.uint8)
    happy = face_at(100, 300, 60, 60)
    single = np.asarray(draw(image, result_of(800, 600, happy), bars=False))
    both = np.asarray(draw(image, result_of(800, 600, happy, face_at(110, 200, 60, 60, emotion="sad")), bars=False))
    yellow = [(drawing == COLORS["happy"]).all(axis=2).sum() for drawing in (single, both)]
    assert yellow[1] > 0.9 * yellow[0]


def test_an_image_of_another_size_and_an_unknown_suffix_are_refused(tmp_path):
    with pytest.raises(MoueError, match="10 x 20 pixels"):
        draw(np.zeros((20, 10), np.uint8), result_of(20, 10))
    with pytest.raises(MoueError, match=r"\.jpg"):
        save_drawing(Image.new("RGB", (5, 5)), tmp_path / "a.tga")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_drawings_are_written_and_not_replaced(tmp_path, suffix):
    path = save_drawing(Image.new("RGB", (50, 40)), tmp_path / f"new/a{suffix}")
    assert Image.open(path).size == (50, 40)
    with pytest.raises(MoueError, match="already exists"):
        save_drawing(Image.new("RGB", (5, 5)), path)


def gray_at(emotion, size):
    icon = face_icon(emotion, size, COLORS.get(emotion, (230, 159, 0)))
    ground = Image.new("RGB", icon.size, (127, 127, 127))
    ground.paste(icon, mask=icon)
    return np.asarray(ground.convert("L"), np.float32)


@pytest.mark.parametrize("size", [24, 48, 96])
def test_emoji_differ_in_gray_by_their_features(size):
    icons = {name: gray_at(name, size) for name in [*COLORS, "other"]}
    for one, first in icons.items():
        assert first.shape == (size, size)
        for other, second in icons.items():
            if one < other:
                # Subtract the disk's own brightness, so that only the features differ.
                middle = slice(size // 5, -size // 5)
                parts = [icon[middle, middle] - np.median(icon[middle, middle]) for icon in (first, second)]
                assert (np.abs(parts[0] - parts[1]) > 40).mean() > 0.08, (one, other)


@pytest.mark.parametrize("background", [0, 255])
def test_emoji_are_visible_on_any_background(background):
    for name, color in COLORS.items():
        icon = face_icon(name, 24, color)
        ground = Image.new("RGB", icon.size, (background,) * 3)
        ground.paste(icon, mask=icon)
        assert np.abs(np.asarray(ground.convert("L"), int)[12, :4] - background).max() > 150


def test_labels_with_emoji():
    image = np.full((600, 800, 3), 90, np.uint8)
    result = result_of(800, 600, face_at(300, 200, 200, 250))
    drawn = {kind: np.asarray(draw(image, result, bars=False, labels=kind)) for kind in LABELS}
    yellow = {kind: (drawing == COLORS["happy"]).all(axis=2)[:190].sum() for kind, drawing in drawn.items()}
    assert min(yellow.values()) > 300
    assert yellow["both"] > yellow["name"]
    with pytest.raises(MoueError, match="one of name, emoji, both"):
        draw(image, result, labels="smiley")


def test_a_single_small_face_in_a_large_image_has_large_letters():
    image = np.zeros((2000, 3000, 3), np.uint8)
    happy = face_at(1500, 1000, 50, 50)
    alone = np.asarray(draw(image, result_of(3000, 2000, happy), bars=False))
    rows = (alone[:995] == COLORS["happy"]).all(axis=2).any(axis=1).sum()
    assert rows > 60
    crowd = [face_at(1500 + 60 * number, 1000, 50, 50) for number in range(5)]
    crowded = np.asarray(draw(image, result_of(3000, 2000, *crowd), bars=False))
    for number in range(5):
        assert not crowded[1005:1045, 1505 + 60 * number : 1545 + 60 * number].any()


def test_custom_classes_have_their_own_colours():
    names = ("happy", "bored", "wink", *(f"class {k}" for k in range(10)))
    colors = class_colors(names)
    assert colors["happy"] == COLORS["happy"]
    assert len(set(colors.values())) == len(names)
    first, second = (np.array(colors[name], float) for name in ("bored", "wink"))
    assert np.abs(first - second).max() > 60
