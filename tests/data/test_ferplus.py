"""FER+ joins by row order, and refuses whatever does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.data.ferplus import join_votes
from moue.errors import MoueError

HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
USAGE = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}


def lines_of(dataset):
    # The numbers in the image names mislead on purpose, as they do in the published file.
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
    "eleven votes": (lambda lines: [*lines[:3], lines[3].replace(",1,", ",11,"), *lines[4:]], "votes from 0 to 11"),
    "empty": (lambda _: [""], "no column for usage"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused(name, tmp_path, dataset):
    change, message = WRONG[name]
    path = tmp_path / "votes.csv"
    path.write_text("\n".join(change(lines_of(dataset))))
    with pytest.raises(MoueError, match=message):
        join_votes(dataset, path)


def test_a_missing_file(tmp_path):
    with pytest.raises(MoueError, match="No such file"):
        join_votes(make_dataset(10), tmp_path / "none.csv")
