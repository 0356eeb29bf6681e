"""FER+ votes are joined by row order, and files that do not match are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.data.ferplus import join_votes
from moue.data.load import load_fer2013
from moue.data.write import write_csv
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
USAGE = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}


def lines_of(dataset):
    # The numbers in the image names are wrong on purpose, as in the published file.
    return [HEADER] + [
        f"{USAGE[str(s)]},fer{99 - k:07d}.png,{k % 11},0,0,1,0,0,0,0,0,2" for k, s in enumerate(dataset.split)
    ]


def test_votes_join_by_row_order(tmp_path, dataset):
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join(lines_of(dataset)))
    votes = join_votes(dataset.take(np.array([5, 2])), path).votes
    assert votes.tolist() == [[5, 0, 0, 1, 0, 0, 0, 0, 0, 2], [2, 0, 0, 1, 0, 0, 0, 0, 0, 2]]


WRONG = {
    "usage disagrees": (lambda lines: [lines[0], lines[9], *lines[2:]], "says row 0 is test, the data says train"),
    "too short": (lambda lines: lines[:10], "has 9 rows, but the data has a row 29"),
    "another table": (lambda _: ["emotion,pixels,Usage", "0,1 2 3,Training"], "no column for neutral"),
    "not a number": (lambda lines: [*lines[:3], lines[3].replace(",1,", ",x,"), *lines[4:]], "row 2: 'Training"),
    "an underscore": (lambda lines: [*lines[:3], lines[3].replace(",1,", ",1_0,"), *lines[4:]], "row 2: 'Training"),
    "a sign": (lambda lines: [*lines[:3], lines[3].replace(",1,", ",+1,"), *lines[4:]], "row 2: 'Training"),
    "another script": (lambda lines: [*lines[:3], lines[3].replace(",1,", ",１,"), *lines[4:]], "row 2: 'Training"),  # noqa: RUF001
    "a huge number": (
        lambda lines: [*lines[:3], lines[3].replace(",1,", f",{10**400},"), *lines[4:]],
        "row 2: 'Training",
    ),
    "eleven votes": (lambda lines: [*lines[:3], lines[3].replace(",1,", ",11,"), *lines[4:]], "votes from 0 to 11"),
    "empty": (lambda _: [""], "no column for usage"),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_that_do_not_match_are_refused(name, tmp_path, dataset):
    change, message = WRONG[name]
    path = tmp_path / "votes.csv"
    path.write_text("\n".join(change(lines_of(dataset))))
    with pytest.raises(MoueError, match=message):
        join_votes(dataset, path)


def test_a_missing_file(tmp_path):
    with pytest.raises(MoueError, match="No such file"):
        join_votes(make_dataset(10), tmp_path / "none.csv")


def votes_for(dataset):
    columns = [FERPLUS_NAMES.index(CLASS_NAMES[label]) for label in dataset.labels]
    rows = [[10 if k == column else 0 for k in range(10)] for column in columns]
    splits = [USAGE[str(split)] for split in dataset.split]
    return [HEADER] + [f"{s},fer.png,{','.join(map(str, row))}" for s, row in zip(splits, rows, strict=True)]


def test_votes_of_other_faces_are_refused(tmp_path):
    whole = make_dataset(400)
    shuffled = whole.take(np.random.default_rng(0).permutation(400))
    whole = dataclasses.replace(shuffled, split=np.full(400, "train"), rows=np.arange(400))
    path = tmp_path / "votes.csv"
    path.write_text("\n".join(votes_for(whole)))
    assert (join_votes(whole, path).votes.max(axis=1) == 10).all()
    # One row of the table is missing: all rows after it get the votes of other faces.
    fewer = dataclasses.replace(whole.take(np.arange(400) != 30), rows=np.arange(399))
    with pytest.raises(MoueError, match="does not match"):
        join_votes(fewer, path)


def test_blank_lines_do_not_shift_votes(tmp_path):
    dataset = make_dataset(30)
    (tmp_path / "votes.csv").write_text("\n\n".join(votes_for(dataset)))
    write_csv(dataset, tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes((tmp_path / "a.csv").read_bytes().replace(b"\n", b"\n\n", 3))
    plain, blank = (load_fer2013(tmp_path / name, ferplus=tmp_path / "votes.csv") for name in ("a.csv", "b.csv"))
    np.testing.assert_array_equal(plain.votes, blank.votes)
