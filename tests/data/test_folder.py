"""Folders of images in the layouts that circulate."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from moue.data.readers.folder import load_folder
from moue.errors import MoueError
from moue.labels import CLASS_NAMES


def put(path, seed=0, size=(48, 48), mode="L"):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return np.asarray(Image.open(path).convert("L"))


def test_splits_and_classes_come_from_folders(tmp_path):
    seeds = iter(range(100))
    for split, names in (("train", ("angry", "happy")), ("test", ("Angry", "happiness")), ("validation", ("3",))):
        for name in names:
            for k in range(3):
                put(tmp_path / split / name / f"im{k}.png", next(seeds))
    dataset = load_folder(tmp_path)
    assert {split: len(dataset.where(split)) for split in ("train", "val", "test")} == {"train": 6, "val": 3, "test": 6}
    assert [CLASS_NAMES[label] for label in dataset.subset("test").labels] == ["angry"] * 3 + ["happy"] * 3
    assert set(dataset.subset("val").labels.tolist()) == {CLASS_NAMES.index("happy")}


def test_file_names_give_the_published_split_back(tmp_path):
    for k, name in enumerate(("Training_7.png", "PublicTest_8.png", "PrivateTest_9.png")):
        put(tmp_path / ("train" if k == 0 else "test") / "sad" / name, k)
    assert sorted(load_folder(tmp_path).split.tolist()) == ["test", "train", "val"]


def test_without_val_a_part_of_train_is_held_out(tmp_path):
    for k in range(120):
        put(tmp_path / "train" / "fear" / f"{k}.png", k)
    put(tmp_path / "test" / "fear" / "0.png", 500)
    dataset = load_folder(tmp_path)
    assert 3 <= len(dataset.where("val")) <= 30
    assert len(dataset.where("test")) == 1
    assert "a tenth of train" in dataset.split_rule


def test_pixels_are_those_of_the_file_and_other_sizes_are_scaled(tmp_path):
    expected = put(tmp_path / "happy" / "a.png", 1)
    put(tmp_path / "happy" / "b.jpg", 2, size=(200, 120), mode="RGB")
    dataset = load_folder(tmp_path)
    assert np.array_equal(dataset.images[0, ..., 0], expected)
    assert dataset.images.shape == (2, 48, 48, 1)


@pytest.mark.parametrize(
    ("names", "message"),
    [((), "holds no pictures"), (("grumpy/a.png",), "unknown class 'grumpy'"), (("contempt/a.png",), "not a class")],
)
def test_wrong_folders(tmp_path, names, message):
    for name in names:
        put(tmp_path / name)
    with pytest.raises(MoueError, match=message):
        load_folder(tmp_path)


def test_an_unreadable_picture_is_named_or_skipped(tmp_path):
    put(tmp_path / "happy" / "a.png")
    (tmp_path / "happy" / "b.png").write_bytes(b"not a picture")
    with pytest.raises(MoueError, match=r"b\.png cannot be read"):
        load_folder(tmp_path)
    dataset = load_folder(tmp_path, on_bad_row="skip")
    assert len(dataset) == 1
    assert [bad.row for bad in dataset.skipped] == [1]
