"""moue predict and moue download: files, folders, tables, resuming, drawings."""

import csv
import json
import sys

import numpy as np
import pytest
from PIL import Image

from moue.faces import store
from moue.media.listing import find_images
from moue.recognition.analyzer import Analyzer


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "images"
    (folder / "more" / ".hidden").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("b.png", "a.JPG", "more/a.jpg", "more/.hidden/x.png", ".thumb.png"):
        Image.fromarray(rng.integers(0, 256, (60, 50, 3), dtype=np.uint8)).save(folder / name)
    (folder / "broken.png").write_bytes(b"\x89PNG")
    (folder / "notes.txt").write_text("not an image")
    return folder


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_folders_are_listed_in_order(folder):
    names = ["a.JPG", "b.png", "broken.png"]
    assert [path.name for path in find_images([folder])] == names
    assert [path.name for path in find_images([folder], recursive=True)] == [*names, "a.jpg"]
    assert list(find_images([folder / "notes.txt", folder / "none"])) == [folder / "notes.txt", folder / "none"]


@pytest.mark.parametrize("suffix", ["csv", "json", "jsonl"])
def test_a_folder_to_a_table_and_drawings(moue, run_folder, folder, tmp_path, suffix):
    out, drawings = tmp_path / f"out.{suffix}", tmp_path / "drawn"
    options = ("--model", run_folder, "--detector", "none", "--output", out, "--annotate", drawings, "-r")
    code, printed, err = moue("predict", folder, *options)
    assert code == 0
    assert "treated as one face" in err
    assert "4 images, 3 faces, 0 without a face, 1 failed" in err
    assert len(printed.splitlines()) == 3
    assert max(map(len, printed.splitlines())) <= 80
    assert sorted(path.name for path in drawings.iterdir()) == ["a-2.jpg", "a.jpg", "b.jpg"]
    if suffix == "csv":
        statuses = [row["status"] for row in read(out)]
    elif suffix == "json":
        statuses = [row["status"] for row in json.loads(out.read_text())["results"]]
    else:
        statuses = [json.loads(line)["status"] for line in out.read_text().splitlines()]
    assert statuses == ["ok", "ok", "unreadable", "ok"]
    code, _, err = moue("predict", folder, *options)
    assert (code, "--overwrite" in err) == (1, True)
    assert moue("predict", folder, *options, "--overwrite")[0] == 0


@pytest.mark.skipif(sys.platform != "linux", reason="such names cannot be made")
def test_no_file_name_controls_the_terminal(moue, run_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("a\x1b[31mred.png", "a\u202egnp.exe.png", "\udcff.png", "été 😀.png")
    for name in names:
        (tmp_path / name).write_bytes(b"no image")
    code, printed, err = moue("predict", ".", "--model", run_folder, "--detector", "none")
    assert code == 1
    assert "\x1b" not in printed + err
    assert "\u202e" not in printed + err
    assert "a?[31mred.png" in err
    assert "été 😀.png" in err


def test_emoji_draws_small_faces_instead_of_names(moue, run_folder, folder, tmp_path):
    options = (folder / "b.png", "--model", run_folder, "--detector", "none")
    code, _, err = moue("predict", *options, "--emoji")
    assert (code, "--annotate" in err) == (2, True)
    drawn = [tmp_path / "names", tmp_path / "faces"]
    assert moue("predict", *options, "--annotate", drawn[0])[0] == 0
    assert moue("predict", *options, "--annotate", drawn[1], "--emoji")[0] == 0
    assert (drawn[0] / "b.jpg").read_bytes() != (drawn[1] / "b.jpg").read_bytes()


def test_an_interrupted_run_resumes(moue, run_folder, folder, tmp_path, monkeypatch):
    out = tmp_path / "out.csv"
    command = ("predict", folder, "--model", run_folder, "--detector", "none", "--output", out)
    assert moue(*command)[0] == 0
    expected = out.read_bytes()
    out.unlink()
    real = Analyzer.analyze_many

    def interrupted(self, sources, **options):
        for number, result in enumerate(real(self, sources, **options)):
            if number == 2:
                raise KeyboardInterrupt
            yield result

    monkeypatch.setattr(Analyzer, "analyze_many", interrupted)
    code, _, err = moue(*command)
    assert (code, "the same command resumes" in err) == (130, True)
    assert not out.exists()
    monkeypatch.setattr(Analyzer, "analyze_many", real)
    code, _, err = moue(*command)
    assert (code, "resuming: 2 results" in err) == (0, True)
    assert out.read_bytes() == expected


def test_automatic_detection_prints_the_detector(moue, run_folder, folder, monkeypatch):
    monkeypatch.delenv(store.ENVIRONMENT, raising=False)
    code, _, err = moue("predict", folder, "--model", run_folder)
    assert code == 0
    assert "face detector: own" in err
    code, _, err = moue("predict", folder, "--model", run_folder, "--detector", "yunet")
    assert (code, "moue download yunet" in err) == (1, True)


def test_no_input_and_only_failures_exit_with_1(moue, run_folder, folder, tmp_path):
    (tmp_path / "void").mkdir()
    code, _, err = moue("predict", tmp_path / "void", "--model", run_folder)
    assert (code, "no images" in err) == (1, True)
    assert moue("predict", folder / "broken.png", "--model", run_folder, "--detector", "none")[0] == 1


def test_download_of_something_unknown(moue):
    code, _, err = moue("download", "resnet")
    assert (code, "unknown model" in err) == (2, True)
