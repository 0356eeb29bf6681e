"""Parquet: the same rows as in other formats, with types; and the page of the docs that aggregates them."""

import csv
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from helpers.frame_results import result_at
from helpers.tables import write_results
from helpers.video_files import two_squares
from moue.errors import MissingExtraError, MoueError
from moue.media.decode import Status
from moue.recognition.image_result import ImageResult
from moue.recognition.rows import columns

NAMES = ("happy", "sad")
PAGE = Path(__file__).parents[2] / "docs" / "tables.md"


def test_rows_are_read_back_with_their_types(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")
    results = [result_at(0.5, (1, 0.25), (2, 0.75)), ImageResult("x\udcff.jpg", Status.EMPTY, message="no content")]
    assert write_results(results, tmp_path / "r.parquet", class_names=NAMES) == 2
    table = pq.read_table(tmp_path / "r.parquet")
    assert tuple(table.column_names) == columns(NAMES)
    one, other, last = table.to_pylist()
    assert (one["track_id"], one["time_s"], one["prob_sad"], one["unsure"], one["x"]) == (1, 0.5, 0.75, False, 9.0)
    assert (other["track_id"], other["emotion"], other["face"]) == (2, "happy", 1)
    assert (last["file"], last["status"], last["face"], last["unsure"]) == ("x\\udcff.jpg", "empty", None, None)
    with pytest.raises(MoueError, match="already exists"):
        write_results(results, tmp_path / "r.parquet", class_names=NAMES)
    assert [path.name for path in tmp_path.iterdir()] == ["r.parquet"]


def test_rows_beyond_one_group_and_before_ctrl_c_are_kept(tmp_path):
    pq = pytest.importorskip("pyarrow.parquet")

    def results():
        for number in range(10_001):
            yield ImageResult(f"{number}.jpg", Status.EMPTY)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_results(results(), tmp_path / "r.parquet", class_names=NAMES, keep=True)
    found = pq.ParquetFile(tmp_path / "r.parquet")
    assert (found.metadata.num_rows, found.num_row_groups) == (10_001, 2)


def test_without_pyarrow_the_error_names_the_extra_and_no_file_is_left(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"moue\[parquet\]"):
        write_results([], tmp_path / "r.parquet", class_names=NAMES)
    assert list(tmp_path.iterdir()) == []


def test_the_page_that_aggregates_videos_by_minute(moue, run_folder, tmp_path, monkeypatch):
    for module in ("pyarrow", "pandas", "polars"):
        pytest.importorskip(module)
    (tmp_path / "videos").mkdir()
    for name, seconds in (("a.avi", 70), ("b.avi", 8)):
        two_squares(tmp_path / "videos" / name, seconds, fps=1)
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    (command,) = re.findall(r"^    moue (.*)", text, re.MULTILINE)
    assert moue(*command.split(), "--model", run_folder, "--detector", "none")[0] == 0
    known = {}
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(code, known)  # noqa: S102 (our own page)
    with (tmp_path / "minutes.csv").open(encoding="utf-8", newline="") as file:
        faces = Counter[tuple[str, str]]()
        for row in csv.DictReader(file):
            faces[row["file"], row["minute"]] += int(row["faces"])
    assert faces == {("videos/a.avi", "0"): 60, ("videos/a.avi", "1"): 10, ("videos/b.avi", "0"): 8}
    by_minute = known["by_minute"]
    assert by_minute["faces"].to_list() == known["minutes"]["faces"].tolist()
    assert by_minute["prob_happy"].to_list() == pytest.approx(known["minutes"]["prob_happy"].tolist())
