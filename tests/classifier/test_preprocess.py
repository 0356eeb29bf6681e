"""How arrays are read by their shape, and which ones are refused."""

import numpy as np
import pytest

from moue.classifier.preprocess import fit, iter_batches, prepare
from moue.errors import MoueError


def random_image(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("value", [0, 1, 127, 254, 255])
@pytest.mark.parametrize("size", [(1, 1), (47, 49), (96, 96), (333, 7)])
def test_a_constant_image_stays_constant(value, size):
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
def test_the_shape_of_an_array_is_interpreted(shape, count):
    images = random_image(*shape)
    prepared = prepare(images)
    assert prepared.shape == (count, 48, 48, 1)
    assert prepared.dtype == np.float32
    if count > 1:
        np.testing.assert_array_equal(prepared, np.concatenate([prepare([image]) for image in images]))


def test_a_batch_of_the_right_size_is_only_converted():
    images = random_image(100, 48, 48, 1)
    prepared = prepare(images)
    np.testing.assert_array_equal(prepared, images)
    assert not np.shares_memory(prepared, images)


def test_a_list_may_mix_sizes_and_kinds():
    images = [
        random_image(48, 48),
        random_image(10, 90, 3),
        random_image(200, 3, 1),
        random_image(1, 1),
        random_image(3, 4),
    ]
    prepared = prepare(images)
    assert prepared.shape == (5, 48, 48, 1)
    for row, image in zip(prepared, images, strict=True):
        np.testing.assert_array_equal(row, fit(image))
    assert fit(images[1]).dtype == np.uint8
    assert prepare([]).shape == (0, 48, 48, 1)
    assert prepare(tuple(images)).shape == (5, 48, 48, 1)


def test_strided_arrays_and_fortran_order():
    image = random_image(60, 80, 3)
    np.testing.assert_array_equal(prepare(image[::-1, ::-1]), prepare(image[::-1, ::-1].copy()))
    np.testing.assert_array_equal(prepare(np.asfortranarray(image)), prepare(image))


@pytest.mark.parametrize(("size", "count", "sizes"), [(64, 130, [64, 64, 2]), (7, 7, [7]), (1, 3, [1, 1, 1])])
def test_batches(size, count, sizes):
    images = random_image(count, 48, 48)
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
def test_wrong_images_are_refused_with_an_explanation(images, words):
    with pytest.raises(MoueError) as caught:
        prepare(images)
    for word in words:
        assert word in str(caught.value)


def test_a_batch_size_of_zero_is_refused():
    with pytest.raises(MoueError, match="batch_size"):
        next(iter_batches(random_image(4, 4), batch_size=0))
