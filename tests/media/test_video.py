"""Which frames a video yields, when they are shown, and how its end is reported."""

import struct

import numpy as np
import pytest

from helpers.video_files import two_squares
from moue.errors import MoueError
from moue.media.clock import Clock, Sampling
from moue.media.open_video import open_video

pytest.importorskip("cv2", reason="videos need the extra 'video'")


@pytest.mark.parametrize(
    ("sampling", "numbers"),
    [
        (Sampling(), range(20)),
        (Sampling(every=7), (0, 7, 14)),
        (Sampling(fps=10), (0, 3, 5, 8, 10, 13, 15, 18)),  # 0, 120, 200, 320 ms: ten in a second on average
        (Sampling(fps=60), range(20)),
    ],
)
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_the_frames_that_are_wanted(tmp_path, suffix, sampling, numbers):
    path = two_squares(tmp_path / f"video{suffix}")
    with open_video(path) as video:
        assert (video.name, video.fps, video.num_frames, video.is_live) == (str(path), 25.0, 20, False)
        frames = list(video.frames(sampling))
    assert [one.number for one in frames] == list(numbers)
    assert [one.time_s for one in frames] == pytest.approx([number / 25 for number in numbers])
    assert video.problem == ""
    for one in frames:
        assert (one.image.shape, one.image.dtype) == ((120, 160, 3), np.uint8)
        reddest = np.unravel_index((one.image[..., 0].astype(int) - one.image[..., 2]).argmax(), (120, 160))
        assert 4 * one.number - 3 <= reddest[1] <= 4 * one.number + 33  # colours in order, the right frame


@pytest.mark.parametrize("values", [(0, None), (-1, None), (1.5, None), (1, 0.0), (1, -3), (1, float("nan")), (2, 5.0)])
def test_invalid_samplings_are_refused(values):
    with pytest.raises(MoueError):
        Sampling(*values)


@pytest.mark.parametrize(
    ("stamps", "times"),
    [
        ([0.0, 0.04, 0.08], [0, 0.04, 0.08]),
        ([0.5, 0.54, 0.7], [0.5, 0.54, 0.7]),  # a stream that begins later, and a pause
        ([0.0, 0.0, 0.0], [0, 0.1, 0.2]),  # a container without time stamps
        ([0.0, 0.3, 0.2, 0.9], [0, 0.3, 0.4, 0.9]),  # one that goes back
        ([float("nan"), -1.0, 1e9], [0, 0.1, 0.2]),
        (
            [0.0, 0.1, 500.0, 500.1, 500.3],
            [0, 0.1, 0.2, 500.1, 500.3],
        ),  # a long pause, recognized once time continues from there
        ([0.0, 0.1, 500.0, 0.3, 0.5], [0, 0.1, 0.2, 0.3, 0.5]),
        ([500.0, 500.3, 500.4], [0, 0.3, 0.4]),  # a video that was cut out of a longer one
        ([float("inf"), float("inf"), float("inf")], [0, 0.1, 0.2]),
    ],
)
def test_time_stamps_are_used_where_they_make_sense(stamps, times):
    clock = Clock(fps=10)
    found = []
    for stamp in stamps:
        clock.tick(stamp)
        found.append(clock.time_s)
    assert found == pytest.approx(times)


@pytest.mark.parametrize("sampling", [Sampling(fps=1), Sampling(every=30), Sampling(fps=0.1), Sampling(fps=29.5)])
@pytest.mark.parametrize("fps", [29.97, 30])
def test_the_step_between_frames_is_no_longer_than_stated(sampling, fps):
    clock, wanted = Clock(fps), []
    for number in range(1500):
        clock.tick(number / fps)
        if clock.wants(sampling):
            wanted.append(clock.time_s)
    assert len(wanted) > 4
    assert np.diff(wanted).max() == pytest.approx(sampling.longest_step_s(fps))


@pytest.fixture(scope="module")
def matroska(tmp_path_factory):
    return two_squares(tmp_path_factory.mktemp("video") / "video.mkv", 60)


def test_a_duration_longer_than_the_images_is_not_a_cut(matroska, tmp_path):
    # As with longer sound or a segment of a longer recording: OpenCV computes the number of frames from the duration.
    content = bytearray(matroska.read_bytes())
    place = content.index(b"\x44\x89\x88") + 3
    content[place : place + 8] = struct.pack(">d", 5 * struct.unpack(">d", content[place : place + 8])[0])
    (tmp_path / "long.mkv").write_bytes(content)
    results = list(frames_of(tmp_path / "long.mkv"))
    assert (len(results), problem_of(tmp_path / "long.mkv")) == (60, "")


def test_a_matroska_file_that_was_cut_is_reported(matroska, tmp_path):
    content = matroska.read_bytes()
    (tmp_path / "cut.mkv").write_bytes(content[: len(content) // 2])
    assert "is cut off" in problem_of(tmp_path / "cut.mkv")
    assert problem_of(matroska) == ""


def frames_of(path):
    with open_video(path) as video:
        yield from video.frames()


def problem_of(path):
    with open_video(path) as video:
        for _ in video.frames():
            pass
        return video.problem
