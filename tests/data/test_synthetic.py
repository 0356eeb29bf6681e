"""Drawn faces, writing them as fer2013.csv, and the contact sheet."""

import dataclasses
import gzip
import os
from pathlib import Path

import numpy as np
import pytest

from moue.data.contact_sheet import contact_sheet
from moue.data.dataset import Dataset
from moue.data.load import load_dataset, load_fer2013
from moue.data.synthetic.dataset import EXPRESSIONS, SPLIT_RULE, synthesize
from moue.data.write import write_csv
from moue.errors import MoueError
from moue.labels import CLASS_NAMES


@pytest.fixture(scope="module")
def faces() -> Dataset:
    return synthesize(100, seed=3)


def _ridge_accuracy(features, labels, train, test, weight):
    """Return the accuracy of a linear classifier, the simplest learner."""
    features = (features - features[train].mean(0)) / (features[train].std(0) + 1e-6)
    known = features[train]
    targets = np.eye(7)[labels[train]] - 1 / 7
    weights = np.linalg.solve(known.T @ known + weight * np.eye(known.shape[1]), known.T @ targets)
    return float(((features[test] @ weights).argmax(1) == labels[test]).mean())


# --- synthesize


def test_same_seed_same_pixels_and_other_seed_other_pixels():
    assert synthesize(3, seed=7).checksum == synthesize(3, seed=7).checksum
    assert synthesize(3, seed=7).checksum != synthesize(3, seed=8).checksum


def test_smaller_data_set_is_part_of_a_larger_one():
    small, large = synthesize(3, seed=1), synthesize(6, seed=1)
    held = dict(zip(large.pixel_digests.tolist(), large.labels.tolist(), strict=True))
    assert [held[digest] for digest in small.pixel_digests.tolist()] == small.labels.tolist()


def test_data_set_states_its_source(faces):
    assert faces.source == "synthetic, per_class=100, seed=3"
    assert faces.split_rule == SPLIT_RULE == "synthetic 80/10/10"
    assert faces.rows.tolist() == list(range(700))


@pytest.mark.parametrize(
    ("per_class", "train", "held_out"), [(3, 1, 1), (4, 2, 1), (10, 8, 1), (15, 11, 2), (20, 16, 2), (44, 36, 4)]
)
def test_every_class_is_in_every_split(per_class, train, held_out):
    counts = synthesize(per_class).counts()
    assert counts["train"] == dict.fromkeys(CLASS_NAMES, train)
    assert counts["val"] == counts["test"] == dict.fromkeys(CLASS_NAMES, held_out)


@pytest.mark.parametrize(
    ("per_class", "seed", "match"), [(2, 0, "3 or more"), (-1, 0, "3 or more"), (3, -1, "seed -1")]
)
def test_refuses(per_class, seed, match):
    with pytest.raises(MoueError, match=match):
        synthesize(per_class, seed)


def test_every_class_has_an_expression():
    assert tuple(EXPRESSIONS) == CLASS_NAMES
    assert all(EXPRESSIONS.values())


def test_rows_are_shuffled_and_faces_differ(faces):
    first = faces.labels[:70]
    assert len(set(first.tolist())) == 7
    assert np.count_nonzero(np.diff(first.astype(int))) > 40
    assert len(set(faces.pixel_digests.tolist())) == len(faces)
    assert len(faces.without_twins()) == len(faces.where("test"))


def test_every_face_has_contrast_and_is_not_overexposed(faces):
    flat = faces.images.reshape(len(faces), -1)
    assert flat.std(1).min() > 6
    assert ((flat == 0) | (flat == 255)).mean(1).max() < 0.75


def test_expression_can_be_learnt_but_not_from_one_pixel_or_the_background(faces):
    """All pixels predict it above chance (1/7), one pixel does not, and the background predicts nothing."""
    images = faces.scaled()[..., 0]
    train = faces.where("train")
    test = np.concatenate((faces.where("val"), faces.where("test")))
    # Half the resolution is enough and fast to solve.
    halved = images.reshape(-1, 24, 2, 24, 2).mean((2, 4)).reshape(len(faces), -1)
    assert _ridge_accuracy(halved, faces.labels, train, test, 1000) > 0.3
    corners = np.concatenate((images[:, :6, :6], images[:, :6, -6:]), axis=2).reshape(len(faces), -1)
    # On 140 faces, chance is 0.14 with a standard deviation of 0.03.
    assert _ridge_accuracy(corners, faces.labels, train, test, 100) < 0.25
    means = images.reshape(len(faces), -1).mean(1)
    by_class = [means[faces.labels == label].mean() for label in range(7)]
    assert np.ptp(by_class) < 0.1
    best = max(_one_pixel_accuracy(pixel, faces.labels, train, test) for pixel in halved.T)
    assert best < 0.4


def _one_pixel_accuracy(pixel, labels, train, test):
    bins = np.digitize(pixel, np.quantile(pixel[train], np.linspace(0, 1, 9)[1:-1]))
    counts = np.zeros((8, 7))
    np.add.at(counts, (bins[train], labels[train]), 1)
    return float((counts.argmax(1)[bins[test]] == labels[test]).mean())


# --- write_csv


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "deeper/A.CSV"])
def test_written_file_is_read_back_unchanged(tmp_path, name):
    dataset = synthesize(4)
    write_csv(dataset, tmp_path / name)
    again = load_fer2013(tmp_path / name, use_cache=False)
    assert again.checksum == dataset.checksum
    assert again.split_rule == "Usage column"
    assert [path.name for path in (tmp_path / name).parent.iterdir()] == [Path(name).name]


def test_format_is_that_of_fer2013(tmp_path):
    dataset = synthesize(3)
    write_csv(dataset, tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_bytes().split(b"\n")
    assert lines[0] == b"emotion,pixels,Usage"
    assert lines[-1] == b""
    assert len(lines) == 21 + 2
    usages = {"train": b"Training", "val": b"PublicTest", "test": b"PrivateTest"}
    for line, image, label, split in zip(lines[1:-1], dataset.images, dataset.labels, dataset.split, strict=True):
        emotion, pixels, usage = line.split(b",")
        assert emotion == str(label).encode()
        assert pixels == " ".join(str(value) for value in image.ravel()).encode()
        assert usage == usages[str(split)]


def test_compressed_file_is_the_same_every_time(tmp_path):
    dataset = synthesize(3)
    write_csv(dataset, tmp_path / "a.csv.gz")
    write_csv(dataset, tmp_path / "b.csv.gz")
    write_csv(dataset, tmp_path / "c.csv")
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.csv.gz").read_bytes()) == (tmp_path / "c.csv").read_bytes()


def test_existing_file_is_kept_without_overwrite(tmp_path):
    target = tmp_path / "a.csv"
    target.write_text("mine")
    with pytest.raises(MoueError, match="already exists"):
        write_csv(synthesize(3), target)
    assert target.read_text() == "mine"
    write_csv(synthesize(3), target, overwrite=True)
    assert target.read_text().startswith("emotion,pixels,Usage\n")


@pytest.mark.parametrize("name", ["a.txt", "a", "a.csv.zip", "a.gz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(MoueError, match=r"\.csv or \.csv\.gz"):
        write_csv(synthesize(3), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_own_classes_are_written_by_name(tmp_path):
    dataset = synthesize(3)
    own = dataclasses.replace(dataset, class_names=("happy", *"abcdef"))
    write_csv(own, tmp_path / "a.csv")
    for _ in ("read", "from the cache"):
        back = load_dataset(tmp_path / "a.csv")
        assert (back.class_names, back.checksum) == (own.class_names, own.checksum)
    with pytest.raises(MoueError, match=r"class 'a,b'(?s:.*)without separators"):
        write_csv(dataclasses.replace(dataset, class_names=("a,b", *"cdefgh")), tmp_path / "b.csv")


# --- contact_sheet


@pytest.mark.parametrize(("per_class", "scale"), [(1, 1), (8, 2), (20, 1)])
def test_sheet_grows_with_its_content(faces, per_class, scale):
    sheet = contact_sheet(faces, per_class, scale)
    assert sheet.mode == "L"
    assert sheet.height == 2 * scale + 7 * 50 * scale
    assert sheet.width > per_class * 50 * scale
    assert np.asarray(sheet)[:, : sheet.width - per_class * 50 * scale].min() < 64  # the names


def test_sheet_shows_faces_of_the_named_class(faces):
    sheet = np.asarray(contact_sheet(faces, per_class=4, scale=1, seed=2))
    for label in range(7):
        of_class = {image.tobytes() for image in faces.images[faces.labels == label]}
        for column in range(4):
            left = sheet.shape[1] - (4 - column) * 50
            top = 2 + label * 50
            assert sheet[top : top + 48, left : left + 48].tobytes() in of_class


def test_sheet_depends_only_on_the_seed(faces):
    assert contact_sheet(faces, seed=1).tobytes() == contact_sheet(faces, seed=1).tobytes()
    assert contact_sheet(faces, seed=1).tobytes() != contact_sheet(faces, seed=2).tobytes()


def test_sheet_with_few_faces_has_blank_places(faces):
    only_angry = faces.take(np.flatnonzero(faces.labels == 0)[:2])
    pixels = np.asarray(contact_sheet(only_angry, per_class=3, scale=1))
    assert (pixels[:, -50:] == 255).all()
    assert (pixels[52:, -150:] == 255).all()
    assert (pixels[:50, -150:-50] < 255).any()


@pytest.mark.parametrize("wrong", [{"per_class": 0}, {"scale": 0}, {"seed": -1}])
def test_sheet_refuses(faces, wrong):
    with pytest.raises(MoueError, match=next(iter(wrong))):
        contact_sheet(faces, **wrong)


@pytest.mark.skipif("MOUE_FER2013" not in os.environ, reason="needs the real data: set MOUE_FER2013 to fer2013.csv")
def test_real_rows_are_written_back_unchanged(tmp_path):
    source = Path(os.environ["MOUE_FER2013"])
    with source.open("rb") as file:
        original = b"".join(file.readline().replace(b"\r\n", b"\n") for _ in range(201))
    (tmp_path / "part.csv").write_bytes(original)
    write_csv(load_fer2013(tmp_path / "part.csv", use_cache=False), tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == original
