"""Folders of images in common layouts."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from helpers.data import make_dataset
from moue.data.load import load_dataset as load_folder
from moue.data.write import write_csv
from moue.errors import MoueError
from moue.media.decode import decode
from moue.media.pixels import fit_gray


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
    assert [dataset.class_names[label] for label in dataset.subset("test").labels] == ["angry"] * 3 + ["happy"] * 3
    assert set(dataset.subset("val").labels.tolist()) == {dataset.class_names.index("happy")}


NAMES = ("Training_7.png", "PublicTest_8.png", "PrivateTest_9.png")


def test_file_names_give_the_published_split(tmp_path):
    for k, name in enumerate(NAMES):
        put(tmp_path / "sad" / name, k)
    assert sorted(load_folder(tmp_path).split.tolist()) == ["test", "train", "val"]


def test_split_folders_take_precedence_over_file_names(tmp_path):
    for k, name in enumerate(NAMES):
        put(tmp_path / ("train", "test", "val")[k] / "sad" / name, k)
    dataset = load_folder(tmp_path)
    assert dataset.split.tolist() == ["test", "train", "val"]
    assert any("2 file names give another split" in note for note in dataset.notes)


def test_every_file_is_read_or_noted(tmp_path):
    put(tmp_path / "train" / "happy" / "a.png")
    (tmp_path / "train" / "happy" / "a.png").rename(tmp_path / "train" / "happy" / "IMG_0001")
    put(tmp_path / "train" / "happy" / "deeper" / "b.gif", 1)
    put(tmp_path / "train" / "sad" / "c.png", 2)
    (tmp_path / "train" / "sad" / "notes.txt").write_text("mine")
    (tmp_path / "train" / "sad" / "._c.png").write_bytes(b"litter")
    (tmp_path / "train" / "sad" / ".DS_Store").write_bytes(b"litter")
    (tmp_path / "readme.md").write_text("mine")
    (tmp_path / "@eaDir").mkdir()
    dataset = load_folder(tmp_path)
    assert len(dataset) == 3
    notes = "\n".join(dataset.notes)
    assert "1 file not in an image format, left out: train/sad/notes.txt" in notes
    assert "1 file not in a class folder, left out: readme.md" in notes
    assert "2 files left behind by a system" in notes


def test_images_are_decoded_as_in_predictions(tmp_path):
    deep = (np.arange(48 * 48, dtype=np.uint16).reshape(48, 48) % 4096) * 16
    (tmp_path / "happy").mkdir()
    Image.fromarray(deep).save(tmp_path / "happy" / "a.png")
    turned = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 60), np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "happy" / "b.jpg", exif=exif)
    images = load_folder(tmp_path).images
    for name, image in zip(("a.png", "b.jpg"), images, strict=True):
        np.testing.assert_array_equal(image, fit_gray(decode(tmp_path / "happy" / name).image))


def test_numbered_folders_note_the_assumed_order(tmp_path):
    for number in range(7):
        put(tmp_path / str(number) / "a.png", number)
    dataset = load_folder(tmp_path)
    assert "0 is angry" in dataset.notes[0]
    other = load_folder(tmp_path, class_names=("neutral", "happy", "sad", "surprise", "fear", "disgust", "angry"))
    assert other.class_names[other.labels[0]] == "neutral"
    assert not any("numbered" in note for note in other.notes)


@pytest.mark.parametrize("above", ["set/images", "images"])
def test_a_folder_above_the_data(tmp_path, above):
    put(tmp_path / above / "train" / "happy" / "a.png")
    assert len(load_folder(tmp_path)) == 1


def test_an_archive_and_a_folder_with_the_table(tmp_path):
    put(tmp_path / "data" / "train" / "happy" / "a.png")
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "data")
    assert len(load_folder(archive)) == 1
    (tmp_path / "download").mkdir()
    write_csv(make_dataset(), tmp_path / "download" / "fer2013.csv")
    dataset = load_folder(tmp_path / "download")
    assert len(dataset) == len(make_dataset())
    assert "fer2013.csv" in dataset.notes[0]


def test_without_val_part_of_train_is_held_out(tmp_path):
    for k in range(120):
        put(tmp_path / "train" / ("fear" if k % 3 else "bored") / f"{k}.png", k)
    put(tmp_path / "test" / "fear" / "0.png", 500)
    dataset = load_folder(tmp_path)
    assert dataset.counts() == {
        "train": {"fear": 64, "bored": 32},
        "val": {"fear": 16, "bored": 8},
        "test": {"fear": 1, "bored": 0},
    }
    assert dataset.split_rule == "moved 1/5 of train to val, balanced over the classes"


def test_pixels_are_unchanged_and_other_sizes_are_resized(tmp_path):
    expected = put(tmp_path / "happy" / "a.png", 1)
    put(tmp_path / "happy" / "b.jpg", 2, size=(200, 120), mode="RGB")
    dataset = load_folder(tmp_path)
    assert np.array_equal(dataset.images[0, ..., 0], expected)
    assert dataset.images.shape == (2, 48, 48, 1)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "holds no images in folders(?s:.*)a folder for each class"),
        (("a.png",), "holds no images in folders"),
        (
            ("train/sad/a.png", "grumpy/a.png"),
            "beside the folders of the splits(?s:.*)unknown class 'grumpy'(?s:.*)Move",
        ),
        (("happy/a.png", "joy/a.png"), "'happy' and 'joy', which are both the class 'happy'(?s:.*)Merge the two"),
        (("Smile/a.png", "smile/a.png", "no smile/a.png"), "'Smile' and 'smile', which are both"),
        ([f"class{k}/a.png" for k in range(101)], "101 classes(?s:.*)2 to 100(?s:.*)which level of folders"),
    ],
)
def test_wrong_folders(tmp_path, names, message):
    for name in names:
        put(tmp_path / name)
    with pytest.raises(MoueError, match=message):
        load_folder(tmp_path)


def test_an_unreadable_image_is_named_or_skipped(tmp_path):
    put(tmp_path / "happy" / "a.png")
    (tmp_path / "happy" / "b.png").write_bytes(b"not an image")
    with pytest.raises(MoueError, match=r"b\.png cannot be read"):
        load_folder(tmp_path)
    dataset = load_folder(tmp_path, on_bad_row="skip")
    assert len(dataset) == 1
    assert [bad.row for bad in dataset.skipped] == [1]
