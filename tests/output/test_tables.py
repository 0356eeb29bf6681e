"""Tables: one writer at a time, and file names that are read back unchanged."""

from __future__ import annotations

import csv
import errno
import json
import types

import pytest

from helpers.tables import write_results
from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.media.decode import Status
from moue.output import formats as formats_package
from moue.output.csv_run import CsvRun
from moue.output.formats import registry
from moue.output.live_table import LiveTable
from moue.output.tables import TableFile
from moue.recognition.image_result import ImageResult

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


def test_an_interrupted_run_can_be_resumed(tmp_path):
    with CsvRun(tmp_path / "x.csv", **KEPT) as first:
        first.write(ImageResult("1.jpg", Status.NO_FACE))
    with CsvRun(tmp_path / "x.csv", **KEPT) as again:
        assert again.is_done("1.jpg")


@pytest.mark.parametrize("name", ["c\rd.jpg", "c\nd.jpg", "c\r\nd.jpg", 'c"d.jpg', "c,d.jpg"])
def test_any_name_is_read_back_and_found_when_the_run_resumes(tmp_path, name):
    path = tmp_path / "x.csv"
    with CsvRun(path, **KEPT) as run:
        run.write(ImageResult(name, Status.UNREADABLE))
        run.write(ImageResult("last.jpg", Status.NO_FACE))
    with CsvRun(path, **KEPT) as run:
        assert run.is_done(name)
        assert run.is_done("last.jpg")
        run.finish()
    assert names_in(path) == [name, "last.jpg"]


def test_a_full_disk_is_reported_once(tmp_path):
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


ONE = ImageResult("1.jpg", Status.NO_FACE)


@pytest.mark.parametrize("kind", [TableFile, LiveTable])
def test_a_second_writer_of_the_same_file_is_refused(tmp_path, kind):
    path = tmp_path / "x.jsonl"
    with kind(path, class_names=CLASS_NAMES, overwrite=True) as first:
        first.write(ONE)
        with (
            pytest.raises(MoueError, match=r"another process .* is writing"),
            kind(path, class_names=CLASS_NAMES, overwrite=True),
        ):
            pass
        first.write(ONE)
    assert path.read_text().count("1.jpg") == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.jsonl"]


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
@pytest.mark.parametrize("keep", [True, False])
def test_an_error_leaves_a_valid_table_or_none(tmp_path, suffix, keep):
    path = tmp_path / f"x{suffix}"

    def write_and_stop():
        with TableFile(path, class_names=CLASS_NAMES, keep=keep) as table:
            table.write(ONE)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_and_stop()
    assert [entry.name for entry in tmp_path.iterdir()] == ([path.name] if keep else [])
    if keep and suffix == ".json":
        assert len(json.loads(path.read_text())["results"]) == 1


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("kind", [TableFile, LiveTable])
def test_every_table_reports_a_full_disk(tmp_path, kind):
    def write():
        with kind(tmp_path / "x.csv", class_names=CLASS_NAMES) as table:
            holder = table._writer if kind is TableFile else table
            holder._file.close()
            holder._file = types.SimpleNamespace(write=full_disk, flush=full_disk, close=full_disk)
            table.write(ONE)

    with pytest.raises(MoueError, match=r"No space left(?s:.*)Is the disk full"):
        write()
    assert not list(tmp_path.glob(".*"))


def test_a_format_is_one_file(tmp_path, monkeypatch):
    (tmp_path / "names_format.py").write_text(
        "from moue.output.formats.registry import TableFormat\n"
        "FORMATS = (TableFormat('txt', '.txt', lambda _: '', lambda result, _, __: result.file + '\\n'),)\n"
    )
    registry.formats.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(formats_package, "__path__", [*formats_package.__path__, str(tmp_path)])
        assert write_results([ONE], tmp_path / "x.txt", class_names=CLASS_NAMES) == 1
        assert (tmp_path / "x.txt").read_text() == "1.jpg\n"
    registry.formats.cache_clear()
    with pytest.raises(MoueError, match=r"one of \.csv, \.json, \.jsonl"):
        write_results([ONE], tmp_path / "y.txt", class_names=CLASS_NAMES)


def test_excel_differs_only_by_the_mark_and_a_resumed_run_keeps_it(tmp_path):
    write_results([ONE], tmp_path / "plain.csv", class_names=CLASS_NAMES)
    write_results([ONE], tmp_path / "excel.csv", class_names=CLASS_NAMES, name="excel")
    plain = (tmp_path / "plain.csv").read_bytes()
    assert (tmp_path / "excel.csv").read_bytes() == b"\xef\xbb\xbf" + plain
    with CsvRun(tmp_path / "x.csv", **KEPT, name="excel") as run:
        run.write(ONE)
    with pytest.raises(MoueError, match="other settings"):
        CsvRun(tmp_path / "x.csv", **KEPT)
    with CsvRun(tmp_path / "x.csv", **KEPT, name="excel") as run:
        assert run.is_done("1.jpg")
        run.finish()
    assert (tmp_path / "x.csv").read_bytes() == b"\xef\xbb\xbf" + plain
