"""One copy of the preprocessing, equal to OpenCV's."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moue.classifier.preprocess import fit, iter_batches, prepare, resize_bilinear, to_gray
from moue.classifier.spec import InputSpec
from moue.errors import MoueError

SIDE = st.integers(1, 600)


def picture(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def levels_apart(first, second):
    return int(np.abs(first.astype(int) - second.astype(int)).max())


def test_gray_equals_opencv_exactly():
    cv2 = pytest.importorskip("cv2")
    axis = np.arange(0, 256, 5)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).astype(np.uint8).reshape(52, -1, 3)
    for image in (cube, picture(611, 397, 3), picture(1, 1, 3), np.full((5, 5, 3), 255, np.uint8)):
        np.testing.assert_array_equal(to_gray(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


@settings(max_examples=150, deadline=None)
@given(height=SIDE, width=SIDE, seed=st.integers(0, 9))
def test_resize_is_within_one_level_of_opencv(height, width, seed):
    cv2 = pytest.importorskip("cv2")
    image = picture(height, width, seed=seed)
    assert levels_apart(resize_bilinear(image), cv2.resize(image, (48, 48), interpolation=cv2.INTER_LINEAR)) <= 1


@settings(max_examples=50, deadline=None)
@given(height=SIDE, width=SIDE)
def test_whole_way_is_within_one_level_of_opencv(height, width):
    cv2 = pytest.importorskip("cv2")
    image = picture(height, width, 3)
    theirs = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), (48, 48), interpolation=cv2.INTER_LINEAR)
    ours = prepare(image)
    assert ours.shape == (1, 48, 48, 1)
    assert ours.dtype == np.float32
    assert levels_apart(ours[0, :, :, 0], theirs) <= 1
    np.testing.assert_array_equal(ours[0, :, :, 0], resize_bilinear(to_gray(image)))


def test_other_sizes_and_leading_axes():
    cv2 = pytest.importorskip("cv2")
    stack = picture(2, 3, 70, 20)
    small = resize_bilinear(stack, (64, 32))
    assert small.shape == (2, 3, 64, 32)
    assert levels_apart(small[1, 2], cv2.resize(stack[1, 2], (32, 64), interpolation=cv2.INTER_LINEAR)) <= 1
    assert prepare(stack[0], InputSpec(height=64, width=32)).shape == (3, 64, 32, 1)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
@pytest.mark.parametrize("size", [(1, 1), (47, 49), (96, 96), (333, 7)])
def test_a_flat_picture_stays_flat(value, size):
    assert np.unique(prepare(np.full(size, value, np.uint8))).tolist() == [value]


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ((48, 48), 1),
        ((48, 48, 1), 1),
        ((48, 48, 3), 1),
        ((30, 40), 1),
        ((30, 40, 3), 1),
        ((5, 48, 48), 5),
        ((5, 48, 48, 1), 5),
        ((5, 48, 48, 3), 5),
        ((1, 48, 48), 1),
        ((5, 30, 40), 5),
        ((5, 30, 40, 1), 5),
        ((5, 30, 40, 3), 5),
        ((3, 48, 48), 3),
        ((70, 30, 2, 1), 70),
        ((0, 48, 48), 0),
        ((0, 48, 48, 1), 0),
    ],
)
def test_an_array_is_read_by_its_shape(shape, count):
    images = picture(*shape)
    prepared = prepare(images)
    assert prepared.shape == (count, 48, 48, 1)
    assert prepared.dtype == np.float32
    if count > 1:
        np.testing.assert_array_equal(prepared, np.concatenate([prepare([image]) for image in images]))


def test_a_batch_of_the_right_size_is_only_converted():
    images = picture(100, 48, 48, 1)
    prepared = prepare(images)
    np.testing.assert_array_equal(prepared, images)
    assert not np.shares_memory(prepared, images)


def test_a_list_may_mix_sizes_and_kinds():
    images = [picture(48, 48), picture(10, 90, 3), picture(200, 3, 1), picture(1, 1), picture(3, 4)]
    prepared = prepare(images)
    assert prepared.shape == (5, 48, 48, 1)
    for row, image in zip(prepared, images, strict=True):
        np.testing.assert_array_equal(row, fit(image))
    assert fit(images[1]).dtype == np.uint8
    assert prepare([]).shape == (0, 48, 48, 1)
    assert prepare(tuple(images)).shape == (5, 48, 48, 1)


def test_views_and_foreign_memory_orders():
    image = picture(60, 80, 3)
    np.testing.assert_array_equal(prepare(image[::-1, ::-1]), prepare(image[::-1, ::-1].copy()))
    np.testing.assert_array_equal(prepare(np.asfortranarray(image)), prepare(image))


@pytest.mark.parametrize(("size", "count", "sizes"), [(64, 130, [64, 64, 2]), (7, 7, [7]), (1, 3, [1, 1, 1])])
def test_batches(size, count, sizes):
    images = picture(count, 48, 48)
    parts = list(iter_batches(images, batch_size=size))
    assert [len(part) for part in parts] == sizes
    np.testing.assert_array_equal(np.concatenate(parts), prepare(images))


@pytest.mark.parametrize(
    ("images", "words"),
    [
        (np.random.default_rng(0).random((4, 48, 48, 1), dtype=np.float32), ["float32 from", "0 to 255", "* 255"]),
        (np.full((48, 48), -1.0), ["float64 from -1 to -1", "* 255"]),
        (np.full((48, 48), 200.0), ["float64", "astype(np.uint8)"]),
        (np.full((48, 48), 300), ["int64 from 300 to 300", "uint8"]),
        (np.zeros((48, 48), bool), ["bool", "uint8"]),
        (np.zeros((48, 48), np.uint16), ["uint16"]),
        (np.zeros(0), ["float64"]),
        (np.zeros(48, np.uint8), ["(48,)"]),
        (np.zeros((0, 48), np.uint8), ["without pixels"]),
        (np.zeros((48, 0, 3), np.uint8), ["without pixels"]),
        (np.zeros((48, 48, 4), np.uint8), ["(48, 48, 4)", "alpha"]),
        (np.zeros((2, 48, 48, 4), np.uint8), ["alpha"]),
        (np.zeros((2, 48, 48, 2), np.uint8), ["(2, 48, 48, 2)"]),
        (np.zeros((2, 3, 48, 48), np.uint8), ["Channels come last", "transpose(0, 2, 3, 1)"]),
        ([np.zeros((3, 48, 48), np.uint8)], ["images[0]", "transpose(1, 2, 0)"]),
        ([np.zeros((48, 48), np.uint8), np.ones((48, 48))], ["images[1] is float64", "* 255"]),
        ([[1, 2], [3, 4]], ["images[0] is a list"]),
        ("face.jpg", ["str", "decode"]),
        (None, ["NoneType"]),
    ],
)
def test_what_is_wrong_is_said(images, words):
    with pytest.raises(MoueError) as caught:
        prepare(images)
    for word in words:
        assert word in str(caught.value)


def test_wrong_arguments_of_the_parts():
    with pytest.raises(MoueError, match="uint8"):
        to_gray(picture(4, 4))
    with pytest.raises(MoueError, match="gray picture"):
        resize_bilinear(np.zeros((4, 0), np.uint8))
    with pytest.raises(MoueError, match="batch_size"):
        next(iter_batches(picture(4, 4), batch_size=0))


def test_flattened_rows_are_not_read_as_one_image():
    """The usual X of fer2013.csv has the shape (N, 2304)."""
    rows = np.random.default_rng(0).integers(0, 256, (5, 2304), np.uint8)
    with pytest.raises(MoueError, match=r"flattened faces(?s:.*)reshape\(-1, 48, 48, 1\)"):
        prepare(rows)
    assert prepare(rows.reshape(-1, 48, 48, 1)).shape == (5, 48, 48, 1)
    assert prepare(rows[None, ..., None]).shape == prepare([rows]).shape == (1, 48, 48, 1)
