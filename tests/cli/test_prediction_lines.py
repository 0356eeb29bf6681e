"""The output of predict: 80 columns, a summary of many lines, and each failed file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from moue.cli import console
from moue.cli.prediction_lines import PredictionLines, line_of, shortened
from moue.labels import CLASS_NAMES
from moue.media.decode import Status
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult

SURE = dict(zip(CLASS_NAMES, (0.0, 0.0, 0.0, 0.98, 0.0, 0.02, 0.0), strict=True))


@pytest.mark.parametrize("name", ["a.jpg", "x" * 200, "surprise"])
def test_a_line_fits_80_columns(name):
    line = line_of(name, "surprise?", SURE)
    assert len(line) <= 80
    assert "98.0%" in line
    assert line.endswith("surprise 2.0%")


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("holiday/a/img.jpg", "holiday/a/img.jpg"),
        ("/photographs/of/last/summer/in/a/img.jpg", "of/last/summer/in/a/img.jpg"),
        ("/photographs/img.jpg", "/photographs/img.jpg"),
        ("https://example.org/img.jpg", "img.jpg"),
    ],
)
def test_equal_names_in_two_folders_are_distinguished(path, shown):
    assert line_of(path, "happy", SURE).split()[0] == shown


def test_equally_likely_classes_are_not_printed_twice():
    even = dict.fromkeys(CLASS_NAMES, 1 / 7)
    assert line_of("a.jpg", "angry?", even).count("14.3%") == 2


@pytest.mark.parametrize(("name", "shown"), [("short.jpg", "short.jpg"), ("abcdefghijklmn.jpg", "abcd~n.jpg")])
def test_a_long_name_keeps_both_ends(name, shown):
    assert shortened(name, 10) == shown


@pytest.fixture
def many(tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(22):
        Image.fromarray(np.full((48, 48), number, np.uint8)).save(folder / f"{number:03d}.png")
    (folder / "zz_broken.png").write_bytes(b"no image")
    (folder / "notes.txt").write_text("mine")
    (folder / ".DS_Store").write_bytes(b"litter")
    (folder / "000.png").rename(folder / "IMG_0000")
    return folder


def test_a_pipe_gets_every_face_and_failures_are_named(moue, run_folder, many, tmp_path):
    code, printed, err = moue("predict", many, "--model", run_folder, "--detector", "none")
    assert (code, len(printed.splitlines())) == (0, 22)
    assert "23 images, 22 faces" in err
    assert "zz_broken.png: unreadable: " in err
    assert "add --output FILE.csv" in err
    assert "skipped, not images or videos: 1 (notes.txt)" in err
    assert "hidden or system files: 1 (.DS_Store)" in err
    code, _, err = moue("predict", many, "--model", run_folder, "--detector", "none", "--output", tmp_path / "o.csv")
    assert "add --output" not in err


@pytest.mark.parametrize(("height", "num_lines"), [(100, 22), (24, 0)])
def test_a_terminal_gets_no_more_lines_than_it_has(moue, run_folder, many, monkeypatch, height, num_lines):
    monkeypatch.setattr(console, "height", lambda: height)
    code, printed, err = moue("predict", many, "--model", run_folder, "--detector", "none")
    assert (code, len(printed.splitlines())) == (0, num_lines)
    assert "zz_broken.png: unreadable: " in err
    assert "22 faces" in err


def test_too_many_faces_are_counted_per_file(monkeypatch):
    monkeypatch.setattr(console, "height", lambda: 20)
    lines, printed = PredictionLines(wide=False), []
    monkeypatch.setattr(console, "say", printed.append)
    face = FaceResult((0, 0, 9, 9), "happy", 0.98, SURE)
    for name in ("a.jpg", "b.jpg"):
        lines.add_image(ImageResult(f"in/{name}", Status.OK, faces=(face,) * 10))
    lines.add_image(ImageResult("in/c.jpg", Status.NO_FACE))
    lines.print()
    assert [line.split() for line in printed] == [
        ["in/a.jpg", "happy", "10"],
        ["in/b.jpg", "happy", "10"],
        ["in/c.jpg", "no", "face"],
    ]


def test_few_faces_are_printed_and_wide_adds_all_classes(moue, run_folder, many):
    path = many / "001.png"
    code, printed, _ = moue("predict", path, "--model", run_folder, "--detector", "none")
    assert code == 0
    (line,) = printed.splitlines()
    assert line.split()[0].endswith("many/001.png")
    assert len(line) <= 80
    _, printed, _ = moue("predict", path, "--model", run_folder, "--detector", "none", "--wide")
    assert printed.splitlines()[0] == line
    assert "box 0 0 48 48" in printed
    assert all(f"{name} " in printed for name in CLASS_NAMES)
    assert max(map(len, printed.splitlines())) <= 80


def test_a_csv_for_excel_starts_with_a_byte_order_mark(moue, run_folder, many, tmp_path):
    out = tmp_path / "o.csv"
    code, *_ = moue("predict", many, "--model", run_folder, "--detector", "none", "--output", out, "--excel")
    assert code == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbffile,")
    assert moue("predict", many, "--model", run_folder, "--excel")[0] == 2
