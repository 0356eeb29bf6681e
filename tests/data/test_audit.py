"""The audit finds planted faults, and the known ones in FER2013."""

from __future__ import annotations

import dataclasses
import json
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moue.data.audit import duplicates
from moue.data.audit.audit import audit
from moue.data.audit.duplicates import exact_groups, near_pairs
from moue.data.audit.page import write_audit_page
from moue.data.dataset import Dataset
from moue.errors import MissingExtraError, MoueError


def make_image(seed: int) -> np.ndarray:
    """Return an image of random blocks that differs from those of other seeds."""
    coarse = np.random.default_rng(seed).integers(20, 236, (8, 8))
    return np.kron(coarse, np.ones((6, 6))).astype(np.uint8)[..., None]


def make(images, labels, split, votes=None, **fields) -> Dataset:
    return Dataset(
        images=np.stack(images) if len(images) else np.zeros((0, 48, 48, 1), np.uint8),
        labels=np.array(labels, np.uint8),
        split=np.array(split, "<U5"),
        rows=np.arange(len(labels)) * 10,
        votes=None if votes is None else np.array(votes, np.uint8).reshape(-1, 10),
        **fields,
    )


@pytest.fixture
def planted() -> Dataset:
    """Rows 0, 10, …: two train twins, their test twin with another label; near, mirrored, constant and empty images."""
    brighter = np.clip(make_image(2) * 0.8 + 30, 0, 255).astype(np.uint8)
    nearly_empty = np.zeros((48, 48, 1), np.uint8)
    nearly_empty[:15] = 200
    flat = np.full((48, 48, 1), 7, np.uint8)
    images = [
        *(make_image(1), make_image(1), make_image(1)),
        *(make_image(2), brighter),
        *(make_image(3), make_image(3)[:, ::-1]),
        *(flat, nearly_empty, make_image(4)),
    ]
    split = ["train", "train", "test", "train", "test", "val", "test", "train", "val", "train"]
    return make(images, [0, 0, 3, 1, 1, 2, 2, 4, 5, 6], split, source="a <b> & c.csv")


def test_planted_findings(planted):
    found = audit(planted)
    assert found.num_faces() == 10
    assert found.num_pictures == 8
    assert found.twin_groups == ((0, 10, 20),)
    assert found.conflicts == ((0, 10, 20),)
    assert found.constant == (70,)
    assert found.almost_empty == (80,)
    assert {(pair.row, pair.other, pair.mirrored) for pair in found.near} == {(30, 40, False), (50, 60, True)}
    assert all(pair.correlation > 0.99 for pair in found.near)
    assert found.near_complete
    assert found.baseline("train") == ("angry", 2 / 5)


@pytest.mark.parametrize(
    ("split", "other", "exact", "same_label", "near"),
    [
        ("train", "train", 2, 2, 0),
        ("val", "train", 0, 0, 0),
        ("val", "val", 0, 0, 0),
        ("test", "train", 1, 0, 1),
        ("test", "val", 0, 0, 1),
        ("test", "test", 0, 0, 0),
    ],
)
def test_twin_counts(planted, split, other, exact, same_label, near):
    count = audit(planted).twin_count(split, other)
    assert (count.exact, count.same_label, count.near) == (exact, same_label, near)


def test_twin_count_agrees_with_without_twins(planted):
    removed = len(planted.subset("test")) - len(planted.without_twins("test"))
    assert audit(planted).twin_count("test", "train").exact == removed


def test_a_copy_of_a_near_duplicate_counts_too(planted):
    """Two equal test images with a near-duplicate in train are two leaked images, but one pair."""
    doubled = planted.take(np.array([3, 4, 4]))
    doubled = dataclasses.replace(doubled, rows=np.arange(3))
    found = audit(doubled)
    assert len(found.near) == 1
    assert found.twin_count("test", "train").near == 2
    assert found.twin_count("test", "test").exact == 2


VOTES = [
    # neutral happy surprise sad angry disgust fear contempt unknown not_face
    ([0, 10, 0, 0, 0, 0, 0, 0, 0, 0], "happy"),
    ([9, 0, 0, 1, 0, 0, 0, 0, 0, 0], "sad"),
    ([5, 0, 0, 5, 0, 0, 0, 0, 0, 0], "neutral"),
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], "happy"),
    ([0, 0, 1, 0, 0, 0, 1, 0, 8, 0], "fear"),
    ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0], "neutral"),
    ([0, 0, 0, 0, 0, 0, 0, 10, 0, 0], "angry"),
]


def test_votes():
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    labels = [names.index(name) for _, name in VOTES]
    images = [make_image(10 + index) for index in range(len(VOTES))]
    votes = audit(make(images, labels, ["test"] * len(VOTES), [row for row, _ in VOTES])).votes
    assert votes.not_face == (30,)
    assert votes.unknown == (40,)
    assert votes.no_majority == (20,)
    assert votes.no_votes == (50,)
    assert votes.strong_disagreement == (10, 60)
    by_rule = {entry.rule: (entry.num_agreeing, entry.num_faces) for entry in votes.agreement if entry.split == "test"}
    assert by_rule == {"faces": (2, 5), "all": (2, 7), "majority": (1, 3)}


def test_table_and_json(planted, tmp_path):
    found = audit(planted)
    table = found.table()
    assert all(isinstance(line.name, str) and isinstance(line.number, int) for line in table)
    assert ("test images with an exact twin in train", 1) in [line[:2] for line in table]
    found.save(tmp_path / "audit.json")
    stored = json.loads((tmp_path / "audit.json").read_text())
    assert stored["twin_groups"] == [[0, 10, 20]]
    assert stored["baseline"]["train"] == {"class": "angry", "accuracy": 0.4}
    assert stored["votes"] is None
    with pytest.raises(MoueError, match="already exists"):
        found.save(tmp_path / "audit.json")


def test_empty_data_set():
    found = audit(make([], [], []))
    assert found.num_faces() == 0
    assert found.near == ()
    assert found.table()[0].number == 0


def test_constant_images_are_not_near_duplicates():
    images = np.stack([np.full((48, 48, 1), value, np.uint8) for value in (0, 7, 130, 255)])
    assert len(near_pairs(images)) == 0


@pytest.mark.parametrize("bad", [np.zeros((3, 48, 48), np.uint8), np.zeros((3, 32, 32, 1), np.uint8)])
def test_near_pairs_refuses_other_shapes(bad):
    with pytest.raises(MoueError, match="images are"):
        near_pairs(bad)


@pytest.mark.parametrize("threshold", [0.5, 1.01, float("nan")])
def test_near_pairs_refuses_other_thresholds(threshold):
    with pytest.raises(MoueError, match="threshold"):
        near_pairs(np.zeros((1, 48, 48, 1), np.uint8), threshold)


def test_too_many_near_duplicates_end_the_search(monkeypatch):
    monkeypatch.setattr(duplicates, "MAX_CANDIDATES", 5)
    noise = np.random.default_rng(0)
    images = np.stack([make_image(1) + noise.integers(0, 3, (48, 48, 1)).astype(np.uint8) for _ in range(8)])
    found = near_pairs(images)
    assert not found.complete
    assert len(found) == 5


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.sampled_from([0.9, 0.95, 0.99]))
def test_near_pairs_equal_a_brute_force_search(seed, number, threshold):
    """The blocked search finds the same pairs as np.corrcoef over all images."""
    rng = np.random.default_rng(seed)
    base = [make_image(int(rng.integers(3))) for _ in range(number)]
    noisy = [image + rng.normal(0, rng.choice([1, 8, 20]), image.shape) for image in base]
    images = np.clip(np.stack(noisy), 0, 255).astype(np.uint8)
    images[rng.random(number) < 0.3] = images[0][:, ::-1].copy()
    straight = np.corrcoef(images.reshape(number, -1))
    turned = np.corrcoef(images.reshape(number, -1), images[:, :, ::-1].reshape(number, -1))[:number, number:]
    best = np.maximum(straight, turned)
    # Values within rounding of the threshold may fall either way.
    clear = np.abs(best - threshold) > 1e-4
    expected = {(i, j) for i in range(number) for j in range(i + 1, number) if best[i, j] >= threshold and clear[i, j]}
    found = near_pairs(images, threshold)
    pairs = list(zip(found.first.tolist(), found.second.tolist(), strict=True))
    assert len(pairs) == len(set(pairs))
    assert {pair for pair in pairs if clear[pair]} == expected
    assert (np.diff(found.correlation) <= 0).all()


@settings(max_examples=50)
@given(st.lists(st.integers(0, 4), max_size=30))
def test_each_face_is_in_one_group(kinds):
    dataset = make([make_image(kind) for kind in kinds], [0] * len(kinds), ["train"] * len(kinds))
    groups = exact_groups(dataset)
    assert groups.num_pictures == len(set(kinds))
    assert groups.size.sum() == len(kinds)
    assert [kinds[position] for position in groups.first] == list(dict.fromkeys(kinds))
    for member in groups.members():
        assert len({kinds[position] for position in member}) == 1


class _Page(HTMLParser):
    """Collects tags, the addresses that they load, and the text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]

    def handle_data(self, data):
        self.text += data


def test_page_is_self_contained_and_escaped(planted, tmp_path):
    pytest.importorskip("jinja2", reason="the page needs the extra 'report'")
    names = ("<script>alert(1)</script>", '" onload="x', "c", "d", "e", "f", "g")
    evil = dataclasses.replace(planted, class_names=names, votes=np.eye(10, dtype=np.uint8) * 10)
    path = tmp_path / "audit.html"
    write_audit_page(audit(evil), evil, path)
    source = path.read_text(encoding="utf-8")
    page = _Page(source)
    assert "script" not in page.tags
    assert "a <b>" not in source
    assert "a <b> & c.csv" in page.text
    assert "<script>alert(1)</script>" in page.text
    assert page.loads
    assert all(load.startswith("data:image/png;base64,") for load in page.loads)
    assert "@import" not in source
    assert "url(" not in source
    for title in ("Near-duplicates", "One image, several labels", "Constant and almost empty", "FER+"):
        assert title in page.text


def test_page_of_an_empty_data_set_and_of_one_split(tmp_path):
    pytest.importorskip("jinja2", reason="the page needs the extra 'report'")
    for name, dataset in (("none", make([], [], [])), ("one", make([make_image(1)], [3], ["train"]))):
        write_audit_page(audit(dataset), dataset, tmp_path / f"{name}.html")
        assert "Data audit" in _Page((tmp_path / f"{name}.html").read_text()).text


def test_page_refusals(planted, tmp_path, monkeypatch):
    pytest.importorskip("jinja2", reason="the page needs the extra 'report'")
    found = audit(planted)
    path = tmp_path / "audit.html"
    path.write_text("mine")
    with pytest.raises(MoueError, match="already exists"):
        write_audit_page(found, planted, path)
    assert path.read_text() == "mine"
    with pytest.raises(MoueError, match="Audit the data set again"):
        write_audit_page(found, planted.subset("train"), path, overwrite=True)
    write_audit_page(found, planted, path, overwrite=True)
    assert path.read_text() != "mine"
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match="jinja2"):
        write_audit_page(found, planted, path, overwrite=True)


def test_fer2013_twins(real_data):
    """The known leak of the official split, and the twins that evaluation leaves out."""
    dataset = real_data
    groups = exact_groups(dataset)
    assert groups.num_pictures == 34_034
    assert len(groups.members()) == 1_516
    test = dataset.where("test")
    in_train = groups.count_of(dataset.split == "train")[groups.of[test]] > 0
    assert in_train.sum() == 288
    assert len(dataset.without_twins("test")) == len(test) - 288


def test_a_full_audit_finds_the_leaked_images_of_fer2013(real_data):
    """Uses a part of the data that takes a second: test and every eighth face of train."""
    dataset = real_data
    part = dataset.take(np.concatenate([dataset.where("train")[::8], dataset.where("test")]))
    found = audit(part)
    count = found.twin_count("test", "train")
    assert count.exact == len(part.subset("test")) - len(part.without_twins("test"))
    assert count.exact > 20
    assert found.near
    assert set(found.constant) <= {17, 639, 1648, 2059, 3185, 3931, 4327, 10930, 14702, 18912, 25603, 29447}
