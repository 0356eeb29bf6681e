"""Reading and analysing a camera in threads: the newest frame is used, nothing hangs, a lost camera ends cleanly."""

import threading
import time
import types

import pytest

from helpers.live_camera import FPS, ScriptedCamera, no_thread_is_left, write_video
from moue.errors import MoueError
from moue.media.open_video import open_video
from moue.recognition.live import Live, NewestFrame, Rate
from moue.webcam.window import Window

pytest.importorskip("cv2", reason="cameras need the extra 'video'")


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A video of one second."""
    return write_video(tmp_path_factory.mktemp("video") / "video.avi", FPS, FPS)


def follow(live):
    """Take every frame that `live` shows, until it has ended; return their numbers."""
    numbers, count = [], 0
    while live.running():
        newest = live.frames.wait(count, 0.05)
        if newest is not None:
            count, frame = newest
            numbers.append(frame.number)
    return numbers


def test_only_the_newest_item_is_kept():
    place = NewestFrame()
    assert place.wait(0, 0) is None
    for item in "abc":
        place.put(item)
    assert (place.wait(0), place.wait(2), place.wait(3, 0), place.peek()) == ((3, "c"), (3, "c"), None, "c")
    place.close()
    assert (place.wait(2), place.wait(3), place.closed) == ((3, "c"), None, True)


def test_the_rate_is_that_of_the_last_two_seconds():
    rate = Rate()
    assert rate.per_second(0.0) == 0
    for number in range(101):
        rate.add(number / 10)
    assert rate.per_second(10.0) == pytest.approx(10)
    assert rate.per_second(13.0) == 0
    for number in range(1000):  # without any call of `per_second`
        rate.add(20 + number / 10)
    assert len(rate._times) < 25


def test_a_busy_analysis_continues_with_the_newest_frame():
    analysed, begun = [], threading.Event()

    def analyse(frame):
        analysed.append(frame.number)
        begun.set()
        # Nine more frames arrive while the first one is being analysed.
        while frame.number == 0 and live.frames.count < 10:
            time.sleep(0.001)
        return frame.number

    class OneFirst(ScriptedCamera):
        def frames(self):
            for frame in super().frames():
                yield frame
                begun.wait(10)

    camera = OneFirst(10)
    camera.gate.set()
    live = Live(camera, analyse)
    with live:
        follow(live)
    assert analysed == [0, 9]
    assert live.results.peek()[1] == 9
    assert (live.frames.count, camera.closed, live.lost) == (10, True, "")
    assert no_thread_is_left()


def test_a_slow_analysis_does_not_slow_the_display(video):
    """The first analysis ends only after the display has received the video's last frame."""
    analysed, count, last_shown = [], 0, threading.Event()

    def analyse(frame):
        analysed.append(frame.number)
        assert last_shown.wait(60)

    with Live(open_video(video), analyse) as live:
        while live.running():
            newest = live.frames.wait(count, 0.05)
            if newest is not None:
                count, frame = newest
                if frame.number == FPS - 1:
                    last_shown.set()
    # The frames in between do not queue up: the newest one is next.
    assert analysed[-1] == FPS - 1
    assert len(analysed) <= 2
    assert live.frames.count == FPS


@pytest.mark.parametrize("count", [0, 3])
def test_a_lost_camera_ends_cleanly(count):
    camera = ScriptedCamera(count, problem="no further image came")
    camera.gate.set()
    with Live(camera, lambda frame: frame.number) as live:
        follow(live)
    assert live.lost == "camera 7: no further image came"
    assert (live.frames.count, camera.closed) == (count, True)
    assert (live.results.peek() is None) == (count == 0)
    assert no_thread_is_left()


def test_a_silent_camera_counts_as_lost():
    camera = ScriptedCamera(1)
    with Live(camera, lambda frame: frame.number, patience_s=0.05) as live:
        assert follow(live) == []
        camera.gate.set()
    assert "camera 7 gave no image" in live.lost
    assert no_thread_is_left()


@pytest.mark.parametrize("place", ["analysis", "writing"])
def test_an_error_in_a_thread_is_raised(place):
    def fail(_):
        raise MoueError("the disk is full")

    camera = ScriptedCamera(10**6)
    camera.gate.set()
    live = Live(camera, fail if place == "analysis" else lambda frame: frame, fail)
    with pytest.raises(MoueError, match="the disk is full"), live:
        follow(live)
    assert camera.closed
    assert no_thread_is_left()


@pytest.mark.parametrize("ends_first", ["results", "frames"])
def test_an_error_during_the_check_is_raised(ends_first):
    live = Live(ScriptedCamera(0), lambda frame: frame)

    class EndsNow(NewestFrame):
        @property
        def closed(self):
            live._error = MoueError("the disk is full")
            return True

    setattr(live, ends_first, EndsNow())
    with pytest.raises(MoueError, match="the disk is full"):
        # A stand-in with only the attributes of a window that `_tick` needs.
        Window._tick(types.SimpleNamespace(_live=live, _root=types.SimpleNamespace(quit=lambda: None)))


def test_it_stops_when_the_time_is_up():
    camera = ScriptedCamera(10**6)
    camera.gate.set()
    with Live(camera, lambda frame: frame.number, seconds=0.1) as live:
        assert follow(live)
    assert live.lost == ""
    assert camera.closed
