"""The parts of a cluster run that need no cluster: the listing, the shards, and resuming a run."""

from __future__ import annotations

import csv
import os
import re
import secrets
import signal
import subprocess
import sys

import numpy as np
import pyarrow.dataset as pads
import pytest
from PIL import Image

from helpers.ray_nodes import processes_named, wait_until
from helpers.video_files import two_squares
from moue.cluster import ClusterOptions, predict_on_cluster
from moue.cluster.listing import Listing, list_images, shards_of
from moue.cluster.place import place_of
from moue.cluster.shards import Shards
from moue.cluster.state import RunState
from moue.cluster.worker import read_shards
from moue.errors import MoueError, SettingError
from moue.media.decode import DEFAULT_LIMITS
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult, Status

NAMES = ("happy", "sad")


def result(file: str) -> ImageResult:
    face = FaceResult((1.0, 2.0, 3.0, 4.0), "sad", 0.75, {"happy": 0.25, "sad": 0.75}, unsure=False)
    return ImageResult(file, Status.OK, 48, 48, (face, face), "own", class_names=NAMES)


@pytest.fixture
def folder(tmp_path):
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    for name in ("b.png", "a.png", "sub/c.png"):
        Image.fromarray(np.zeros((48, 48), np.uint8)).save(source / name)
    (source / "notes.txt").write_text("x")
    (source / ".hidden.png").write_bytes(b"")
    return source


def run_of(tmp_path, settings, kind="parquet"):
    shards = Shards(place_of(tmp_path / f"out.{kind}"), kind, NAMES)
    return shards, RunState(shards, settings)


def test_shards_are_cut_by_number_and_by_bytes():
    assert shards_of([1] * 5, [0] * 5, 2, 100) == [(0, 2, -1), (2, 4, -1), (4, 5, -1)]
    cut = [(0, 1, -1), (1, 3, -1), (3, 4, -1), (4, 5, -1)]
    assert shards_of([60, 60, 10, 200, 1], [0] * 5, 10, 100) == cut
    assert shards_of([], [], 2, 100) == []


def test_each_part_of_a_video_is_a_shard_of_its_own():
    shards = shards_of([1, 999, 1, 1, 999], [0, 3, 0, 0, 1], 10, 100)
    assert shards == [(0, 1, -1), (1, 2, 0), (1, 2, 1), (1, 2, 2), (2, 4, -1), (4, 5, 0)]
    assert shards_of([9, 9], [1, 2], 10, 100) == [(0, 1, 0), (1, 2, 0), (1, 2, 1)]


@pytest.mark.parametrize("kind", ["path", "address"])
def test_a_listing_is_in_order_and_reports_what_was_left_out(folder, kind):
    # PyArrow's own view of the same folder stands in for an object store.
    place = place_of(folder)
    if kind == "address":
        place = type(place)(place.filesystem, place.path, "store://in", is_local=False)
    listing, left_out = list_images(place, recursive=True)
    assert listing.names == [b"a.png", b"b.png", b"sub/c.png"]
    assert listing.sizes[0] == (folder / "a.png").stat().st_size
    assert listing.parts == [0, 0, 0]
    assert [path.name for path in left_out.others] == ["notes.txt"]
    assert [path.name for path in left_out.litter] == [".hidden.png"]
    assert list_images(place, recursive=False)[0].names == [b"a.png", b"b.png"]


def test_files_are_read_or_have_a_status(folder):
    import pyarrow as pa

    (folder / "empty.png").write_bytes(b"")
    names = [b"a.png", b"gone.png", b"empty.png"]
    batch = pa.table({"number": [3], "names": pa.array([names], pa.list_(pa.binary())), "part": [-1], "parts": [0]})
    (row,) = next(read_shards(batch, source=place_of(folder), limits=DEFAULT_LIMITS)).to_pylist()
    assert row["contents"] == [(folder / "a.png").read_bytes(), None, b""]
    assert [one.partition(":")[0] for one in row["problems"]] == ["", "not_found", ""]
    with pytest.raises(MoueError, match="does not see"):
        next(read_shards(batch, source=place_of(folder / "elsewhere"), limits=DEFAULT_LIMITS))


def test_an_interrupted_run_resumes_with_its_own_list(tmp_path):
    shards, state = run_of(tmp_path, {"model": 1})
    assert state.resume(overwrite=False) is None
    state.begin(Listing([b"a", b"\xff"], [1, 2], [0, 3]))
    shards.write(1, [result("a")])
    (tmp_path / "out.parquet" / ".part-000000.parquet-abc.tmp").write_bytes(b"half")
    again = RunState(shards, {"model": 1}).resume(overwrite=False)
    assert again is not None
    assert (again.names, again.parts) == ([b"a", b"\xff"], [0, 3])
    assert shards.done() == {1}
    shards.clear(all_of_them=False)
    assert [path.name for path in (tmp_path / "out.parquet").iterdir()] == ["part-000001.parquet"]
    state.finish()
    with pytest.raises(MoueError, match="already exists"):
        state.resume(overwrite=False)


def test_other_settings_and_other_files_are_refused(tmp_path):
    shards, state = run_of(tmp_path, {"model": 1, "detector": "own"})
    state.begin(Listing([b"a"], [1], [0]))
    other = RunState(shards, {"model": 2, "detector": "own"})
    with pytest.raises(MoueError, match=r"other settings \(model\)"):
        other.resume(overwrite=False)
    assert other.resume(overwrite=True) is None
    (tmp_path / "out.parquet" / "mine.txt").write_text("x")
    with pytest.raises(MoueError, match="holds other files"):
        other.resume(overwrite=True)


def test_shards_hold_the_rows_of_moue_predict(tmp_path):
    shards, state = run_of(tmp_path, {})
    state.begin(Listing([b"a"], [1], [0]))
    name = os.fsdecode(b"n\xff.png")
    shards.write(0, [result("a.png"), ImageResult(name, Status.EMPTY, message="no", class_names=NAMES)])
    shards.write(0, [result("a.png"), ImageResult(name, Status.EMPTY, message="no", class_names=NAMES)])
    rows = pads.dataset(tmp_path / "out.parquet").to_table().to_pylist()
    assert [(row["file"], row["status"], row["face"]) for row in rows] == [
        ("a.png", "ok", 0),
        ("a.png", "ok", 1),
        ("n\\udcff.png", "empty", None),
    ]
    assert rows[0]["prob_sad"] == 0.75
    assert list(rows[0]) == list(result("a.png").to_rows(NAMES)[0])
    table, _ = run_of(tmp_path, {}, "csv")
    (tmp_path / "out.csv").mkdir()
    table.write(0, [result("a.png")])
    lines = (tmp_path / "out.csv" / "part-000000.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("file,status,")


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("s3://bucket/out.parquet?endpoint_override=127.0.0.1:9000&scheme=http", "parquet"),
        ("s3://bucket/out.csv/", "csv"),
        ("who?.csv", "csv"),
    ],
)
def test_the_format_is_that_of_the_path_of_an_address(output, kind):
    assert ClusterOptions(output).format == kind


def test_mistakes_are_reported(tmp_path, folder):
    with pytest.raises(SettingError, match=r"\.parquet or \.csv"):
        ClusterOptions(tmp_path / "out.json")
    with pytest.raises(MoueError, match="cannot open nowhere://x"):
        place_of("nowhere://x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MoueError, match="no images"):
        list_images(place_of(tmp_path / "empty"), recursive=True)
    with pytest.raises(MoueError, match=r"no Ray cluster at 127\.0\.0\.1:1"):
        predict_on_cluster(folder, ClusterOptions(tmp_path / "out.parquet", address="127.0.0.1:1"))
    assert not (tmp_path / "out.parquet").exists()


def read_rows(*files):
    return [row for file in files for row in csv.DictReader(file.open(encoding="utf-8"))]


@pytest.mark.slow
def test_a_local_cluster_predicts_like_moue_predict(tmp_path, folder):
    (folder / "bad.jpg").write_bytes(b"x")
    two_squares(folder / "clip.avi", num=78)
    (folder / "none.mp4").write_bytes(b"x")
    # Otherwise Ray stores a token in the user's folder. It reads the environment only once, hence another process.
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}

    def run(*words):
        command = [sys.executable, "-m", "moue", *words]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True).stderr

    options = ("--detector", "none", "--fps", "10")
    cut = ("--shard-files", "2", "--part-minutes", "0.02")
    err = run("cluster", "predict", "in", "-r", "--address", "local", "--output", "out.csv", *cut, *options)
    assert "4 images" in err
    assert "2 videos, 31 frames, 31 faces, 3 people, 1 failed or incomplete" in err
    run("predict", "in", "-r", "--output", "one.csv", *options)
    shards = sorted((tmp_path / "out.csv").iterdir())
    assert len(shards) == 7
    rows, expected = read_rows(*shards), read_rows(tmp_path / "one.csv")
    parts = [int(row["track_id"]) // 1_000_000 for row in rows if row["file"] == "in/clip.avi"]
    assert parts == [0] * 12 + [1] * 12 + [2] * 7
    for row in (*rows, *expected):
        row.pop("track_id", None)
    # The rows of a video stay in order; sorting by name puts the files in the same order as on the cluster.
    assert rows == sorted(expected, key=lambda row: row["file"])


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc")
def test_a_terminal_shows_only_lines_of_moue(tmp_path, folder):
    """This holds even if a process of the cluster is killed, about which Ray prints a paragraph."""
    from helpers.terminal import Terminal

    (folder / "bad.jpg").write_bytes(b"x")
    for number in range(16):
        (folder / f"{number}.png").write_bytes((folder / "a.png").read_bytes())
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    where = ("--address", "local", "--output", "out.csv", "--actors", "1", "--shard-files", "1", "--detector", "none")
    command = (sys.executable, "-m", "moue", "cluster", "predict", "in", *where)
    terminal = Terminal(command, cwd=tmp_path, env=environment)
    wait_until(lambda: any((tmp_path / "out.csv").glob("part-*.csv")), "a shard")
    os.kill(processes_named("MapWorker", terminal.process)[0], signal.SIGKILL)
    code, lines = terminal.wait(300)
    assert code == 0
    assert max(map(len, lines)) <= 80
    shown = [re.sub(r"[\d.]+ images per second", "N images per second", line) for line in lines]
    # The progress bar is redrawn many times, and the time at which the lost process is noticed varies.
    assert sorted(line for line in shown if not line.startswith("images ")) == sorted([
        "no face detection: each image is treated as one face",
        "skipped, not images or videos: 1 (notes.txt)",
        "folders not searched (add --recursive): 1 (sub)",
        "ignored, hidden or system files: 1 (.hidden.png)",
        "a process of the cluster ended unexpectedly; what it was doing is done again",
        "in/bad.jpg: unreadable: not an image that can be read (JPEG, PNG, BMP, GIF,",
        "WEBP, TIFF, PPM, AVIF)",
        "wrote out.csv",
        "19 images, 18 faces, 0 without a face, 1 failed, N images per second",
        "angry 18",
    ])  # fmt: skip


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_the_same_command_continues(tmp_path):
    two_squares(tmp_path / "clip.avi", num=78)
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    where = ("--address", "local", "--output", "out.csv", "--actors", "1")
    command = (sys.executable, "-m", "moue", "cluster", "predict", ".", *where, "--part-minutes", "0.004")
    out = tmp_path / "out.csv"
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as first:
        wait_until(lambda: out.is_dir() and any(out.glob("part-*.csv")), "a part")
        first.send_signal(signal.SIGINT)
        err = first.stderr.read()
        assert first.wait(60) == 130
    assert "the same command resumes: what is done is in out.csv" in err
    assert "Traceback" not in err
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("part-*.csv")}
    assert 0 < len(before) < 13
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "resuming" in again.stderr
    assert {name: (out / name).stat().st_mtime_ns for name in before} == before
    rows = read_rows(*sorted(out.iterdir()))
    assert [int(row["frame"]) for row in rows] == list(range(78))
    assert not (tmp_path / "out.csv.part").exists()
