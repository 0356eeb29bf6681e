"""Frames of videos, cameras and streams to results."""

import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import moue
from helpers.video_files import BrightSquares, frame, two_squares, write_video
from moue.errors import MoueError
from moue.faces import store
from moue.media.clock import Sampling
from moue.media.open_video import open_video
from moue.media.video import VideoFrame
from moue.output.video_writer import AnnotatedVideo
from moue.recognition import stream
from moue.recognition.analyzer import Analyzer
from moue.recognition.rows import columns
from moue.recognition.stream import analyze_frames, analyze_stream

pytest.importorskip("cv2", reason="videos need the extra 'video'")


@pytest.fixture(scope="module")
def broken_off(tmp_path_factory):
    folder = tmp_path_factory.mktemp("video")
    content = two_squares(folder / "whole.avi", 60).read_bytes()
    (folder / "cut.avi").write_bytes(content[: len(content) // 2])
    return folder / "cut.avi"


def test_people_keep_their_numbers_and_results_their_fields(squares_video, squares_analyzer, tiny_model):
    pairs = list(analyze_frames(open_video(squares_video), squares_analyzer))
    results = [result for _, result in pairs]
    assert [result.frame for result in results] == list(range(20))
    assert {result.status for result in results} == {"ok"}
    assert [[face.track_id for face in result.faces] for result in results] == [[1]] * 6 + [[1, 2]] * 14
    for image, result in pairs:
        assert image.shape == (result.height, result.width, 3)
        assert result.faces[0].box[0] == pytest.approx(4 * result.frame, abs=3)
    one = results[-1]
    json.dumps(one.to_dict(), allow_nan=False)
    image_fields = set(squares_analyzer.analyze(frame(3)).to_dict())
    assert set(one.to_dict()) == image_fields | {"frame", "time_s"}
    assert set(one.to_dict()["faces"][0]) - {"track_id", "raw_emotion", "raw_confidence"} == set(
        squares_analyzer.analyze(frame(3)).to_dict()["faces"][0]
    )
    rows = one.to_rows(tiny_model.class_names)
    assert all(tuple(row) == columns(tiny_model.class_names) for row in rows)
    assert [(row["frame"], row["time_s"], row["track_id"], row["face"]) for row in rows] == [
        (19, pytest.approx(0.76), 1, 0),
        (19, pytest.approx(0.76), 2, 1),
    ]


@pytest.mark.parametrize("sampling", [Sampling(fps=1), Sampling(every=31)])
def test_people_keep_their_numbers_however_rare_the_frames(tmp_path, squares_analyzer, sampling):
    path = write_video(tmp_path / "rare.avi", [frame(5)] * 95, fps=29.97)
    results = [result for _, result in analyze_frames(open_video(path), squares_analyzer, sampling=sampling)]
    assert len(results) == 4
    assert {face.track_id for result in results for face in result.faces} == {1}


def test_frames_are_kept_on_request_and_can_be_drawn(squares_video, tiny_model):
    plain, kept = (
        list(moue.analyze_stream(squares_video, model=tiny_model, detector="none", every=5, keep_frames=keep))
        for keep in (0, 1)
    )
    assert [one.faces for one in plain] == [one.faces for one in kept]
    assert all(result.pixels is None for result in plain)
    assert all(result.pixels.shape == (result.height, result.width, 3) for result in kept)
    assert kept[0].plot().size[0] >= kept[0].width
    with pytest.raises(MoueError, match="keep_frames=True"):
        plain[0].plot()


def test_smoothing_averages_over_the_window(squares_video, tiny_model):
    raw = list(analyze_stream(squares_video, model=tiny_model, detector="none", smooth_s=0))
    smooth = list(analyze_stream(squares_video, model=tiny_model, detector="none", smooth_s=0.2))
    name = tiny_model.class_names[0]
    values = [result.faces[0].probabilities[name] for result in raw]
    # Six frames in 0.2 s; those at the ends count half.
    mean = np.convolve(values, [0.1, 0.2, 0.2, 0.2, 0.2, 0.1], "valid")
    np.testing.assert_allclose([result.faces[0].probabilities[name] for result in smooth[5:]], mean)
    assert all(result.faces[0].raw_emotion == other.faces[0].emotion for result, other in zip(smooth, raw, strict=True))


def test_frames_are_predicted_like_images(squares_video, squares_analyzer):
    for image, result in analyze_frames(open_video(squares_video), squares_analyzer, sampling=Sampling(every=6)):
        alone = squares_analyzer.analyze(image)
        assert [face.box for face in result.faces] == [face.box for face in alone.faces]
        assert [face.raw_emotion for face in result.faces] == [face.emotion for face in alone.faces]


def test_a_video_that_breaks_off_ends_with_an_error(broken_off, squares_analyzer, capfd):
    results = [result for _, result in analyze_frames(open_video(broken_off), squares_analyzer)]
    assert len(results) > 20
    assert {result.status for result in results[:-1]} == {"ok"}
    last = results[-1]
    assert (last.status, last.frame, last.faces) == ("unreadable", len(results) - 1, ())
    assert f"ends after {len(results) - 1} of 60 frames" in last.message
    (row,) = last.to_rows(squares_analyzer.class_names)
    assert (row["status"], row["message"]) == ("unreadable", last.message)
    assert capfd.readouterr().err == ""


def test_choices_are_checked_before_the_first_frame(squares_video, tiny_model, tmp_path):
    for choices in ({"every": 0}, {"fps": -1}, {"smooth_s": -1}, {"unsure_below": 2}, {"detector": "magic"}):
        with pytest.raises(MoueError):
            moue.analyze_stream(squares_video, model=tiny_model, **choices)
    with pytest.raises(MoueError, match="does not exist"):
        moue.analyze_stream(tmp_path / "none.mp4", model=tiny_model, detector="none")


class Camera:
    """A capture like cv2.VideoCapture that gives `num` frames and is then disconnected."""

    def __init__(self, num=40):
        self.left, self.released = num, False

    def isOpened(self):  # noqa: N802 (OpenCV's name)
        return True

    def get(self, _):
        return 0.0

    def grab(self):
        self.left -= 1
        return self.left >= 0

    def retrieve(self):
        return True, frame(5)[..., ::-1].copy()

    def release(self):
        self.released = True


def test_a_camera_gives_fresh_frames_until_it_is_lost(monkeypatch, squares_analyzer):
    import cv2

    camera = Camera()
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: camera)
    video = open_video(0)
    assert (video.name, video.is_live, video.num_frames) == ("camera 0", True, None)
    monkeypatch.setattr(video, "fps", 200.0)
    times, numbers = [], []
    for _, result in analyze_frames(video, squares_analyzer):
        times.append(result.time_s)
        numbers.append(result.frame)
        threading.Event().wait(0.02)  # four frames arrive in the meantime
    assert result.status == "unreadable"
    assert result.message == "no further image came after 40 frames"
    assert camera.released
    assert times == sorted(times)
    assert len(numbers) < 20, "frames that came while the last one was shown are left out"


def test_a_video_is_released_when_the_caller_stops_early(squares_video, squares_analyzer):
    video = open_video(squares_video)
    results = analyze_frames(video, squares_analyzer)
    next(results)
    results.close()
    assert not video._capture.isOpened()


def test_a_video_recorded_sideways_is_rotated(tmp_path, squares_analyzer):
    path = write_video(tmp_path / "side.mp4", [frame(5)] * 5)
    content = path.read_bytes()
    # The matrix of the track header: changed from no rotation to a quarter turn, as phones write it.
    whole = b"".join(value.to_bytes(4, "big", signed=True) for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    turned = b"".join(
        value.to_bytes(4, "big", signed=True) for value in (0, 1 << 16, 0, -(1 << 16), 0, 0, 120 << 16, 0, 1 << 30)
    )
    place = content.index(whole, content.index(b"tkhd"))
    path.write_bytes(content[:place] + turned + content[place + len(whole) :])
    image, result = next(analyze_frames(open_video(path), squares_analyzer))
    assert (image.shape, result.width, result.height) == ((160, 120, 3), 120, 160)


@pytest.mark.parametrize(("size", "max_ahead"), [((160, 120), 100), ((3840, 2160), 6), ((8000, 8000), 4)])
def test_few_large_frames_are_read_ahead(monkeypatch, squares_video, squares_analyzer, size, max_ahead):
    monkeypatch.setattr(stream, "usable_cpus", lambda: 8)
    video = open_video(squares_video)
    read = []

    def frames(_):
        for number in range(20):
            read.append(number)
            yield VideoFrame(frame(5), number, number / 25, 0.0)

    monkeypatch.setattr(video, "frames", frames)
    video.width, video.height = size
    for _, result in analyze_frames(video, squares_analyzer):
        assert len(read) - result.frame <= max_ahead


class Unreliable(BrightSquares):
    """Fails for every second image."""

    def __init__(self):
        self.count = 0

    def detect(self, image):
        self.count += 1
        if self.count % 2 == 0:
            raise RuntimeError("no memory")
        return super().detect(image)


@pytest.mark.parametrize("is_live", [False, True])
def test_a_frame_that_fails_does_not_cost_the_others(squares_video, tiny_model, monkeypatch, tmp_path, is_live):
    monkeypatch.setattr(stream, "usable_cpus", lambda: 1)
    video = open_video(squares_video)
    video.is_live = is_live
    with AnnotatedVideo(tmp_path / "drawn.avi", fps=25) as drawn:
        pairs = list(analyze_frames(video, Analyzer(tiny_model, Unreliable())))
        for image, result in pairs[1:5]:
            drawn.add(image, result)
    results = [result for _, result in pairs]
    assert [result.status for result in results[:4]] == ["ok", "failed", "ok", "failed"]
    assert results[1].message == "RuntimeError: no memory"
    with open_video(tmp_path / "drawn.avi") as again:
        sizes = {one.image.shape for one in again.frames()}
    assert sizes == {(360, 480, 3)}


def test_memory_does_not_grow_with_the_video(tmp_path, tiny_model):
    memory = Path("/proc/self/statm")
    if not memory.exists():
        pytest.skip("this system does not report how much memory a process uses")
    path = write_video(tmp_path / "long.avi", [np.zeros((480, 640, 3), np.uint8)] * 200)
    used = [
        int(memory.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        for result in analyze_stream(path, model=tiny_model, detector="none", every=2)
        if result.frame in (80, 198)
    ]
    # The frames between these two would be 54 MB.
    assert used[1] - used[0] < 25e6


def test_a_face_in_a_video_with_yunet(tmp_path, tiny_model):
    if not os.environ.get(store.ENVIRONMENT):
        pytest.skip("set MOUE_MODELS to a folder with YuNet to run this test")
    matplotlib = pytest.importorskip("matplotlib")
    photo = Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    photo = photo.resize((256, 300))
    frames = []
    for number in range(12):
        canvas = Image.new("RGB", (480, 320), (120, 130, 140))
        canvas.paste(photo, (18 * number, 10))
        frames.append(np.asarray(canvas))
    path = write_video(tmp_path / "hopper.avi", frames)
    results = list(analyze_stream(path, model=tiny_model, detector="yunet"))
    assert [[face.track_id for face in result.faces] for result in results] == [[1]] * 12
    assert results[11].faces[0].box[0] - results[0].faces[0].box[0] == pytest.approx(18 * 11, abs=6)
