"""moue webcam: lines and rows without a window, and the window under Xvfb."""

import csv
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image, ImageGrab, features

from helpers.live_camera import BLUE, FPS, RED, ScriptedCamera, no_thread_is_left, write_video
from moue.errors import MoueError
from moue.media import camera
from moue.media.camera import advice
from moue.media.decode import Status
from moue.media.open_video import open_video
from moue.recognition import live
from moue.recognition.analyzer import Analyzer
from moue.recognition.face_result import FaceResult, TrackedFace
from moue.recognition.frame_result import FrameResult
from moue.recognition.live import Live
from moue.webcam.screen import Screen, first_size, line_height, save_image
from moue.webcam.window import Window

cv2 = pytest.importorskip("cv2", reason="cameras need the extra 'video'")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """One second."""
    return write_video(tmp_path_factory.mktemp("video") / "video.avi", FPS, FPS)


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    """A minute."""
    return write_video(tmp_path_factory.mktemp("video") / "long.avi", 300, 5)


@pytest.fixture(scope="module")
def display():
    """A virtual display; tests that need one are skipped where Xvfb is not installed."""
    if shutil.which("Xvfb") is None:
        pytest.skip("the window is tested on a virtual display: install xvfb")
    pytest.importorskip("tkinter", reason="the window needs Tk: install python3-tk")
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait(10)


@pytest.fixture
def in_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def on_display(display, monkeypatch):
    monkeypatch.setenv("DISPLAY", display)
    return display


PROBABILITIES = {"happy": 0.7, "sad": 0.2, "neutral": 0.1}


def frame_result(box, size=(640, 480)):
    face = TrackedFace.of_track(FaceResult(box, "happy", 0.7, PROBABILITIES), 3, PROBABILITIES, 0.5)
    return FrameResult("camera 0", Status.OK, *size, (face,), frame=0, time_s=0.0)


def analyse(frame):
    return dataclasses.replace(frame_result((0, 0, 99, 99)), frame=frame.number)


@pytest.mark.parametrize("mirror", [True, False])
@pytest.mark.parametrize("size", [(640, 514), (900, 700), (333, 600), (60, 50), (1, 1)])
def test_the_image_keeps_its_shape_in_any_window(mirror, size):
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, :320], image[:, 320:] = RED, BLUE
    screen = Screen(mirror=mirror, bars=False)
    whole = screen.compose(image, None, size, "", "25 fps shown")
    assert whole.size == size
    room = size[1] - line_height(size[0])
    if room > 20:
        scale = min(size[0] / 640, room / 480)
        x, y = round(size[0] / 2 - 300 * scale), round(room / 2)
        assert whole.getpixel((x, y)) == (BLUE if mirror else RED)
        assert whole.getpixel((size[0] - 1 - x, y)) == (RED if mirror else BLUE)
    assert screen.compose(image, frame_result((20.0, 100.0, 80.0, 100.0)), size).size == size


@pytest.mark.parametrize("mirror", [True, False])
def test_boxes_are_mirrored_and_letters_are_not(mirror):
    screen = Screen(mirror=mirror, bars=False)
    black = np.zeros((480, 640, 3), np.uint8)
    where = np.argwhere(np.asarray(screen.drawn(black, frame_result((40.0, 200.0, 80.0, 100.0)))).sum(axis=2) > 300)
    left, right = where[:, 1].min(), where[:, 1].max()
    assert (abs(left - 520) < 5) if mirror else (abs(left - 40) < 5)
    assert right < (640 if mirror else 200)
    # The label is not mirrored, so its pixels are equal in both.
    mirrored, plain = (Screen(mirror=way, bars=False) for way in (True, False))
    there = np.asarray(mirrored.drawn(black, frame_result((520.0, 200.0, 80.0, 100.0))))
    here = np.asarray(plain.drawn(black, frame_result((40.0, 200.0, 80.0, 100.0))))
    np.testing.assert_array_equal(there, here)


def test_the_first_size_of_the_window():
    assert first_size(640, 480, (1280, 1024)) == (640, 480 + line_height(640))
    assert first_size(640, 480, (3840, 2160))[0] == 1280
    for size in ((1920, 1080), (480, 640), (4000, 100), (100, 4000)):
        width, height = first_size(*size, (1000, 800))
        assert (width <= 900, height <= 720) == (True, True)


def test_saving_never_replaces(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda _: "moue-20250101-000000")
    saved = [save_image(Image.new("RGB", (20, 20)), tmp_path / "new") for _ in range(3)]
    names = ["moue-20250101-000000.jpg", "moue-20250101-000000-2.jpg", "moue-20250101-000000-3.jpg"]
    assert [path.name for path in saved] == names
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(names)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="cameras are files only on Linux")
@pytest.mark.parametrize(
    ("present", "words"),
    [
        ([], ["There is no", "/video*", "--device"]),
        (["video2", "video10"], ["--source 2 or --source 10"]),
        (["video0"], ["does another program use it"]),
        (["video0", "video1"], ["does another program use it", "--source 1"]),
    ],
)
def test_the_advice_if_no_camera_opens(tmp_path, present, words):
    for name in present:
        (tmp_path / name).touch()
    text = advice(0, tmp_path)
    assert [word for word in [*words, "--source FILE"] if word not in text] == []


def command(run_folder, source, *more):
    return ("webcam", "--model", run_folder, "--detector", "none", "--source", source, *more)


def test_lines_and_rows_without_a_window(moue, run_folder, video, tmp_path):
    out = tmp_path / "new" / "live.csv"
    line = command(run_folder, video, "--headless", "--step", "0.2", "--output", out)
    code, printed, err = moue(*line)
    assert code == 0
    lines = printed.splitlines()
    assert 3 <= len(lines) <= 6
    assert all("#1 " in each and "%" in each for each in lines)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    frames = [int(row["frame"]) for row in rows]
    assert frames == sorted(set(frames))
    assert 3 <= len(frames) <= FPS
    assert {row["status"] for row in rows} == {"ok"}
    assert err.splitlines()[-1] == f"wrote {out}: results for {len(frames)} frames"
    assert moue(*line)[0] == 1
    assert moue(*line, "--overwrite", "--seconds", "0")[0] == 0


@pytest.mark.parametrize("hangs", [True, False])
def test_a_camera_in_the_middle_of_a_read_is_not_freed(moue, run_folder, monkeypatch, hangs):
    class Hanging(ScriptedCamera):
        num_closed = 0

        def close(self):
            self.num_closed += 1

    hanging = Hanging(3)
    if not hangs:
        hanging.gate.set()
    monkeypatch.setattr(camera, "open_camera", lambda *_, **__: hanging)
    monkeypatch.setattr(live, "_JOIN_S", 0.05)
    code, _, err = moue(*command(run_folder, "0", "--headless", "--seconds", "0.2"))
    assert code == 0, err
    assert (hanging.num_closed, hanging.closed) == ((0, False) if hangs else (1, True))
    hanging.gate.set()
    for thread in threading.enumerate():
        if thread.name == "moue-camera":
            thread.join(10)


def test_a_frame_that_fails_does_not_end_it(moue, run_folder, video, monkeypatch):
    def fail(*_):
        raise RuntimeError("no memory")

    monkeypatch.setattr(Analyzer, "_detect", fail)
    code, printed, err = moue(*command(run_folder, video, "--headless", "--step", "0.2"))
    assert code == 0, err
    assert {line.split(" s  ")[1] for line in printed.splitlines()} == {"RuntimeError: no memory"}


@pytest.mark.parametrize(
    "mistake",
    [
        (["--output", "live.json"], 2, ".csv or .jsonl"),
        (["--source", "99"], 1, "camera 99 cannot be opened"),
        (["--source", "99999999999"], 1, "camera 99999999999 cannot be opened"),
        (["--source", "9" * 5000], 1, "cannot be read"),
        (["--smooth", "inf"], 2, "seconds"),
        (["--source", "http://127.0.0.1/video.mp4"], 1, "--allow-url"),
        (["--source", "nothing.mp4"], 1, "does not exist"),
        (["--model", "nothing"], 1, "no model"),
        (["--seconds", "-1"], 2, "--seconds"),
        (["--smooth", "-1"], 2, "--smooth"),
        (["--detector", "guess"], 2, "--detector"),
    ],
)
def test_mistakes_are_reported(moue, run_folder, video, in_empty_folder, mistake):
    more, code, word = mistake
    actual, printed, err = moue(*command(run_folder, video, "--headless", *more))
    assert (actual, printed) == (code, "")
    assert word in err
    assert "Traceback" not in err
    assert list(in_empty_folder.iterdir()) == []


@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="there is always a display")
def test_without_a_display_the_error_says_so(moue, run_folder, video, monkeypatch):
    pytest.importorskip("tkinter", reason="the window needs Tk: install python3-tk")
    monkeypatch.delenv("DISPLAY", raising=False)
    code, _, err = moue(*command(run_folder, video))
    assert code == 1
    assert "no display" in err
    assert "--headless" in err


def test_without_tk_the_error_says_how_to_install_it(moue, run_folder, video, monkeypatch):
    monkeypatch.setitem(sys.modules, "tkinter", None)
    code, _, err = moue(*command(run_folder, video))
    assert code == 1
    assert "python3-tk" in err
    assert "--headless" in err


def press(window, keys):
    """Press these keys one after the other, soon after the window has appeared."""

    def press_next():
        if not window._live or not window._live.results.count or not window.num_shown:
            window._root.after(10, press_next)
            return
        if not left:
            return
        key = left.pop(0)
        if callable(key):
            key()
        else:
            window._root.event_generate(f"<Key-{key}>", when="now")
        window._root.after(120, press_next)

    left = list(keys)
    window._root.after(10, press_next)


def test_the_keys_of_the_window(moue, run_folder, long_video, on_display, tmp_path, monkeypatch):
    if not features.check("xcb"):
        pytest.skip("this Pillow cannot look at a display")
    seen, window = [], []

    def look():
        window[0]._root.update()
        window[0]._root.winfo_pointerx()  # waits for the display's reply
        image = ImageGrab.grab(xdisplay=on_display)
        seen.append("red" if image.getpixel((100, 200))[0] > 100 else "blue")

    real = Window.show

    def show(self, live):
        window.append(self)
        press(self, [look, "m", look, "b", "s", "x", "q"])
        real(self, live)

    monkeypatch.setattr(Window, "show", show)
    saves, out = tmp_path / "saved", tmp_path / "live.csv"
    code, printed, err = moue(*command(run_folder, long_video, "--save-to", saves, "--output", out, "--seconds", "40"))
    assert (code, printed) == (0, "")
    assert seen == ["blue", "red"]
    (saved,) = saves.iterdir()
    with Image.open(saved) as image:
        assert image.size[0] / image.size[1] == pytest.approx(4 / 3)
    assert f"wrote {saved}" in err
    assert err.splitlines()[-1].startswith(f"wrote {out}: results for ")
    assert no_thread_is_left()


@pytest.mark.usefixtures("on_display")
@pytest.mark.parametrize("end", ["Escape", "close", "time", "video"])
def test_the_ways_to_end_the_window(video, long_video, tmp_path, end):
    with Window("moue", Screen(), tmp_path) as window:
        live = Live(open_video(video if end == "video" else long_video), analyse, seconds=0.4 if end == "time" else 30)
        if end == "Escape":
            press(window, ["Escape"])
        elif end == "close":
            press(window, [lambda: window._root.tk.call(window._root.protocol("WM_DELETE_WINDOW"))])
        with live:
            window.show(live)
        if end == "video":
            assert live.frames.count == FPS
        if end != "time":  # a busy machine may not show a frame in so short a time
            assert window.num_shown
        assert live.lost == ""
    assert no_thread_is_left()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("on_display")
def test_an_image_that_cannot_be_saved_does_not_end_the_window(long_video, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with Window("moue", Screen(), tmp_path / "file") as window:
        press(window, ["s", "q"])
        with Live(open_video(long_video), analyse) as live:
            window.show(live)
        window.finish_saving()
        assert window.saved == []
        assert "not saved" in window._notice


@pytest.mark.usefixtures("on_display")
def test_an_error_in_the_window_is_raised(video, tmp_path):
    class Broken(Screen):
        def compose(self, *_, **__):
            raise MoueError("broken")

    with (
        Window("moue", Broken(), tmp_path) as window,
        pytest.raises(MoueError, match="broken"),
        Live(open_video(video), analyse) as live,
    ):
        window.show(live)
    assert no_thread_is_left()


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ")
@pytest.mark.parametrize("way", ["headless", "window"])
def test_ctrl_c_keeps_the_written_rows(run_folder, long_video, tmp_path, request, way):
    environment = dict(os.environ)
    if way == "window":
        environment["DISPLAY"] = request.getfixturevalue("display")
    out = tmp_path / "live.jsonl"
    words = [
        *map(str, command(run_folder, long_video, "--output", out)),
        *(["--headless"] if way == "headless" else []),
    ]
    # Background jobs of a shell ignore Ctrl-C, and so do their children.
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from moue.cli import main; main()"
    line = [sys.executable, "-c", code, *words]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if out.exists() and out.read_text().count("\n") >= 2:
                break
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    rows = [json.loads(each) for each in out.read_text().splitlines()]
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert 2 <= len(rows) < 300
    assert err.splitlines()[-1] == f"wrote {out}: results for {len(rows)} frames"
