"""Tables: one writer at a time, and names that a reader gets back."""

from __future__ import annotations

import csv
import errno

import pytest

from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.media.decode import Status
from moue.output.csv_run import CsvRun
from moue.recognition.results import ImageResult

KEPT = {"class_names": CLASS_NAMES, "settings": {}}


def names_in(path):
    with path.open(encoding="utf-8", newline="") as file:
        return [row["file"] for row in csv.DictReader(file)]


def test_a_second_run_on_one_output_is_refused_and_the_first_is_unharmed(tmp_path):
    path = tmp_path / "x.csv"
    with CsvRun(path, **KEPT) as first:
        first.write(ImageResult("1.jpg", Status.NO_FACE))
        with pytest.raises(MoueError, match=r"another process .* is writing"):
            CsvRun(path, **KEPT)
        first.write(ImageResult("2.jpg", Status.NO_FACE))
        first.finish()
    assert names_in(path) == ["1.jpg", "2.jpg"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.csv"]


def test_a_run_that_was_left_can_be_taken_up(tmp_path):
    with CsvRun(tmp_path / "x.csv", **KEPT) as first:
        first.write(ImageResult("1.jpg", Status.NO_FACE))
    with CsvRun(tmp_path / "x.csv", **KEPT) as again:
        assert again.is_done("1.jpg")


@pytest.mark.parametrize("name", ["c\rd.jpg", "c\nd.jpg", "c\r\nd.jpg", 'c"d.jpg', "c,d.jpg"])
def test_any_name_comes_back_and_is_found_when_the_run_goes_on(tmp_path, name):
    path = tmp_path / "x.csv"
    with CsvRun(path, **KEPT) as run:
        run.write(ImageResult(name, Status.UNREADABLE))
        run.write(ImageResult("last.jpg", Status.NO_FACE))
    with CsvRun(path, **KEPT) as run:
        assert run.is_done(name)
        assert run.is_done("last.jpg")
        run.finish()
    assert names_in(path) == [name, "last.jpg"]


def test_a_full_disk_is_told_once(tmp_path):
    class FullDisk:
        def write(self, _):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    with CsvRun(tmp_path / "x.csv", **KEPT) as run:
        run._file.close()
        run._file = FullDisk()
        with pytest.raises(MoueError, match=r"No space left(?s:.*)Is the disk full"):
            run.write(ImageResult("1.jpg", Status.NO_FACE))
