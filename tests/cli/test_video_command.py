"""Videos in moue predict: alone, among images, interrupted and resumed."""

import csv
import json
import sys

import numpy as np
import pytest
from PIL import Image

from helpers.video_files import two_squares
from moue.media.open_video import open_video
from moue.output import encoders
from moue.recognition import stream

pytest.importorskip("cv2", reason="videos need the extra 'video'")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "holiday"
    folder.mkdir()
    Image.fromarray(np.full((60, 50), 99, np.uint8)).save(folder / "a.png")
    two_squares(folder / "b.avi", 10)
    two_squares(folder / "c.mp4", 8)
    Image.fromarray(np.full((60, 50), 99, np.uint8)).save(folder / "d.png")
    return folder


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def command(run_folder, *more):
    return ("predict", *more, "--model", run_folder, "--detector", "none")


def test_a_folder_of_images_and_videos(moue, run_folder, folder, tmp_path):
    out, drawn = tmp_path / "out.csv", tmp_path / "drawn"
    code, printed, err = moue(*command(run_folder, folder, "--output", out, "--annotate", drawn))
    assert code == 0
    assert "2 videos, 18 frames, 18 faces, 2 people, " in err
    assert "2 images, 2 faces, " in err
    assert "#1 0:00-0:00" in printed
    rows = read(out)
    names = [row["file"].rpartition("/")[2] for row in rows]
    assert names == ["a.png", *["b.avi"] * 10, *["c.mp4"] * 8, "d.png"]
    assert [row["frame"] for row in rows] == ["", *map(str, range(10)), *map(str, range(8)), ""]
    assert [row["track_id"] for row in rows] == ["", *["1"] * 18, ""]
    assert rows[2]["time_s"] == "0.040"
    images = ["a.jpg", "d.jpg"]
    expected = sorted([*images, "b.webm", "b-timeline.png", "c.webm", "c-timeline.png"])
    assert sorted(path.name for path in drawn.iterdir()) == expected
    with open_video(drawn / "b.webm") as video:
        assert len(list(video.frames())) == 10


@pytest.mark.parametrize(("options", "numbers"), [(("--every", 4), [0, 4, 8]), (("--fps", 12.5), [0, 2, 4, 6, 8])])
def test_fewer_frames_as_json_lines(moue, run_folder, folder, tmp_path, options, numbers):
    out = tmp_path / "out.jsonl"
    assert moue(*command(run_folder, folder / "b.avi", "--output", out, "--smooth", 0, *options))[0] == 0
    results = [json.loads(line) for line in out.read_text().splitlines()]
    assert [result["frame"] for result in results] == numbers
    assert all(face["confidence"] == face["raw_confidence"] for result in results for face in result["faces"])
    assert moue(*command(run_folder, folder / "b.avi", "--fps", 5, "--every", 2))[0] == 2


def stop_at(monkeypatch, file, frame):
    """Press Ctrl-C when a frame of a video is processed."""
    real = stream.Follower.add

    def add(self, image, name, current):
        if name.endswith(file) and current.number == frame:
            raise KeyboardInterrupt
        return real(self, image, name, current)

    monkeypatch.setattr(stream.Follower, "add", add)


@pytest.mark.parametrize("stop", [("b.avi", 0), ("b.avi", 6), ("c.mp4", 3)])
def test_a_stopped_run_resumes_without_losing_or_repeating_rows(moue, run_folder, folder, tmp_path, monkeypatch, stop):
    file, frame = stop
    out, drawn = tmp_path / "out.csv", tmp_path / "drawn"
    # The first video is named twice: each mention has its rows and its drawing.
    paths = (folder / "b.avi", folder)
    first = tmp_path / "first.csv"
    assert moue(*command(run_folder, *paths, "--output", first))[0] == 0
    with monkeypatch.context() as patch:
        stop_at(patch, file, frame)
        code, _, err = moue(*command(run_folder, *paths, "--output", out, "--annotate", drawn))
    assert (code, "the same command resumes" in err) == (130, True)
    stopped = drawn / ("b.webm" if file == "b.avi" else "c.webm")
    if frame:
        with open_video(stopped) as video:
            assert len(list(video.frames())) == frame
    code, _, _ = moue(*command(run_folder, *paths, "--output", out, "--annotate", drawn))
    assert code == 0
    assert out.read_bytes() == first.read_bytes()
    with open_video(stopped) as video:
        assert len(list(video.frames())) == video.num_frames == (10 if file == "b.avi" else 8)
    assert {path.name for path in drawn.glob("*.webm")} == {"b.webm", "b-2.webm", "c.webm"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn", "first.csv", "holiday", "out.csv"]


def test_json_keeps_the_results_until_ctrl_c(moue, run_folder, folder, tmp_path, monkeypatch):
    out = tmp_path / "out.json"
    stop_at(monkeypatch, "b.avi", 5)
    code, _, err = moue(*command(run_folder, folder, "--output", out))
    assert (code, str(out) in err) == (130, True)
    assert [result.get("frame") for result in json.loads(out.read_text())["results"]] == [None, 0, 1, 2, 3, 4]


def test_unreadable_videos_have_rows(moue, run_folder, folder, tmp_path):
    (folder / "e.mov").write_bytes(b"no video")
    (folder / "f.mkv").write_bytes(b"")
    content = two_squares(tmp_path / "whole.avi", 60).read_bytes()
    (folder / "g.avi").write_bytes(content[: len(content) // 2])
    out = tmp_path / "out.csv"
    code, _, err = moue(*command(run_folder, folder, folder / "none.mp4", "--output", out))
    assert (code, "4 failed or incomplete" in err) == (0, True)
    rows = read(out)
    bad = {row["file"].rpartition("/")[2]: row["status"] for row in rows if row["status"] != "ok"}
    assert bad == {"e.mov": "unreadable", "f.mkv": "empty", "g.avi": "unreadable", "none.mp4": "not_found"}
    assert "ends after" in next(row["message"] for row in rows if row["status"] != "ok" and "g.avi" in row["file"])
    assert sum(row["file"].endswith("g.avi") for row in rows) > 20
    assert moue(*command(run_folder, folder / "e.mov"))[0] == 1


def test_without_opencv_images_are_still_classified(moue, run_folder, folder, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    out = tmp_path / "out.csv"
    assert moue(*command(run_folder, folder, "--output", out))[0] == 0
    rows = read(out)
    assert [row["status"] for row in rows] == ["ok", "unsupported", "unsupported", "ok"]
    assert "moue[video]" in rows[1]["message"]


def test_a_video_is_not_replaced_by_its_own_drawing(moue, run_folder, folder):
    clip = two_squares(folder / "e.webm", 4)
    before = clip.read_bytes()
    code, _, err = moue(*command(run_folder, clip, "--annotate", folder, "--overwrite"))
    assert (code, "is one of the files to be read" in err) == (1, True)
    code, _, err = moue(*command(run_folder, clip, "--annotate", clip, "--overwrite"))
    assert (code, "is one of the files to be read" in err) == (1, True)
    assert clip.read_bytes() == before


def test_one_video_is_drawn_into_the_named_file(moue, run_folder, folder, tmp_path):
    drawn = tmp_path / "new" / "drawn.mp4"
    assert moue(*command(run_folder, folder / "c.mp4", "--annotate", drawn))[0] == 0
    assert {path.name for path in drawn.parent.iterdir()} - {"drawn-timeline.png"} == {"drawn.mp4"}
    code, _, err = moue(*command(run_folder, folder, "--annotate", tmp_path / "all.webm"))
    assert (code, "is one video, but" in err) == (2, True)


def test_without_pyav_a_note_says_that_the_sound_is_lost(moue, run_folder, folder, tmp_path, monkeypatch):
    videos = (folder / "b.avi", folder / "c.mp4")
    monkeypatch.setattr(encoders, "find_spec", lambda _name: None)
    _, _, err = moue(*command(run_folder, *videos, "--annotate", tmp_path / "drawn"))
    assert err.count("moue[sound]") == 1
    with open_video(tmp_path / "drawn" / "c.webm") as video:
        assert len(list(video.frames())) == 8
