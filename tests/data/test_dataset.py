"""`Dataset`: its checks and its methods."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.data.dataset import SPLIT_DTYPE
from moue.errors import MoueError


def test_subsets_keep_rows_and_order(dataset):
    test = dataset.subset("test")
    assert set(test.split) == {"test"}
    assert test.rows.tolist() == [8, 9, 18, 19, 28, 29]
    assert np.array_equal(test.images, dataset.images[test.rows])


def test_one_hot_scaled_and_counts(dataset):
    one_hot = dataset.one_hot()
    assert (one_hot.shape, one_hot.dtype) == ((30, 7), np.float32)
    assert np.array_equal(one_hot.argmax(1), dataset.labels)
    assert (one_hot.sum(1) == 1).all()
    scaled = dataset.scaled()
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled * 255, dataset.images, atol=1e-4)
    assert sum(dataset.counts()["train"].values()) == 18


def test_without_twins_leaves_out_training_images(dataset):
    images = dataset.images.copy()
    images[8] = images[0]
    images[9, 0, 0] = images[0, 0, 0]
    cleaned = make_dataset(images=images).without_twins()
    assert cleaned.rows.tolist() == [9, 18, 19, 28, 29]


def test_the_checksum_depends_on_pixels_labels_and_splits(dataset):
    changed = []
    for name in ("images", "labels", "split"):
        array = getattr(dataset, name).copy()
        array[0] = "val" if name == "split" else (array[0] + 1) % 7
        changed.append(make_dataset(**{name: array}).checksum)
    assert len({dataset.checksum, *changed}) == 4
    assert make_dataset().checksum == dataset.checksum


WRONG = {
    "images as floats": ({"images": np.zeros((30, 48, 48, 1), np.float32)}, r"images is float32 \(30, 48, 48, 1\)"),
    "another size": ({"images": np.zeros((30, 64, 64, 1), np.uint8)}, r"expected uint8 \(30, 48, 48, 1\)"),
    "fewer rows": ({"rows": np.arange(29)}, "rows is int64"),
    "a label too high": ({"labels": np.full(30, 7, np.uint8)}, "label 7"),
    "an unknown split": ({"split": np.full(30, "dev", SPLIT_DTYPE)}, "split 'dev'"),
    "too few votes": ({"votes": np.zeros((30, 9), np.uint8)}, "votes is uint8"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_arrays_are_refused(name):
    changes, message = WRONG[name]
    with pytest.raises(MoueError, match=message):
        make_dataset(**changes)


def test_an_unknown_split_lists_the_known_ones(dataset):
    with pytest.raises(MoueError, match="one of train, val, test"):
        dataset.subset("dev")
