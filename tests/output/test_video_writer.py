"""Annotated videos, growing tables and timelines, also if a run is interrupted."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from helpers import onnx_model
from helpers.frame_results import result_at
from helpers.tables import write_results
from helpers.video_files import BrightSquares, two_squares
from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.media.clock import Sampling
from moue.media.decode import Status
from moue.media.open_video import open_video
from moue.output import encoders
from moue.output.timeline_plot import _stretches, plot_timeline
from moue.output.video_writer import AnnotatedVideo
from moue.recognition.analyzer import Analyzer
from moue.recognition.frame_result import FrameResult
from moue.recognition.stream import analyze_frames
from moue.recognition.timeline import Timeline, minutes

pytest.importorskip("cv2", reason="videos need the extra 'video'")

NAMES = ("happy", "sad")


@pytest.fixture(scope="module")
def analyzer(tmp_path_factory):
    return Analyzer(Classifier.load(onnx_model.save_run(tmp_path_factory.mktemp("run")), threads=1), BrightSquares())


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    return two_squares(tmp_path_factory.mktemp("video") / "video.avi")


def frames_of(path):
    with open_video(path) as video:
        return video.fps, list(video.frames())


@pytest.mark.parametrize(
    ("suffix", "sampling", "rate"),
    [(".webm", Sampling(), 25), (".mp4", Sampling(), 25), (".avi", Sampling(every=5), 5)],
)
def test_the_annotated_video(video, analyzer, tmp_path, suffix, sampling, rate):
    out = tmp_path / "new" / f"drawn{suffix}"
    with AnnotatedVideo(out, fps=sampling.rate(25)) as drawn:
        for image, result in analyze_frames(open_video(video), analyzer, sampling=sampling):
            drawn.add(image, result)
    fps, frames = frames_of(out)
    assert (fps, len(frames)) == (rate, 20 * rate // 25)
    assert frames[0].image.shape == (360, 480, 3)  # enlarged, so that it can be read
    assert list(out.parent.iterdir()) == [out]
    with pytest.raises(MoueError, match="already exists"):
        AnnotatedVideo(out, fps=5)


def test_the_frames_before_ctrl_c_are_a_valid_video(video, analyzer, tmp_path):
    out = tmp_path / "drawn.mp4"

    def interrupted():
        with AnnotatedVideo(out, fps=25) as drawn:
            for image, result in analyze_frames(open_video(video), analyzer):
                drawn.add(image, result)
                if result.frame == 8:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert len(frames_of(out)[1]) == 9
    assert list(tmp_path.iterdir()) == [out]


def test_pauses_are_filled_and_other_sizes_are_padded(tmp_path):
    out = tmp_path / "drawn.avi"
    with AnnotatedVideo(out, fps=10) as drawn:
        for time_s, height in ((3.0, 48), (3.1, 48), (3.13, 48), (4.0, 30)):
            drawn.add(np.full((height, 64, 3), 90, np.uint8), result_at(time_s, height=height))
    _, frames = frames_of(out)
    assert len(frames) == 11
    assert {one.image.shape for one in frames} == {(384, 512, 3)}


def test_a_long_pause_is_shortened_once(tmp_path):
    out = tmp_path / "drawn.avi"
    with AnnotatedVideo(out, fps=10) as drawn:
        for time_s in (0.0, 60.0, 60.1, 60.2, 60.6):
            drawn.add(np.full((48, 64, 3), 90, np.uint8), result_at(time_s))
    assert drawn.num_frames == 1 + 100 + 7, (
        "the pause is cut to ten seconds, and the frames after it keep their distances"
    )


@pytest.mark.parametrize("suffix", [".webm", ".mp4", ".avi"])
@pytest.mark.parametrize("with_pyav", [True, False])
@pytest.mark.parametrize(
    ("fps", "written"), [(119.883, 60), (90.001, 60), (66.667, 60), (59.94, 59.94), (23.976, 23.976), (0.0005, 0.01)]
)
def test_every_rate_can_be_written(tmp_path, monkeypatch, suffix, with_pyav, fps, written):
    if not with_pyav:
        monkeypatch.setattr(encoders, "find_spec", lambda _name: None)
    out = tmp_path / f"drawn{suffix}"
    with AnnotatedVideo(out, fps=fps) as drawn:
        for number in range(12):
            drawn.add(np.full((48, 64, 3), 90, np.uint8), result_at(number / fps))
    with open_video(out) as video:
        frames = list(video.frames())
    assert drawn.fps == written
    assert len(frames) == pytest.approx(12 * min(1, written / fps), abs=1)
    if written >= 1:  # the lowest rate that `Video` accepts
        assert video.fps == pytest.approx(written)


def test_videos_that_cannot_be_written(tmp_path):
    with pytest.raises(MoueError, match="suffix"):
        AnnotatedVideo(tmp_path / "x.gif", fps=25)
    with pytest.raises(MoueError, match="fps"):
        AnnotatedVideo(tmp_path / "x.mp4", fps=0)
    with AnnotatedVideo(tmp_path / "x.mp4", fps=25):
        pass
    assert list(tmp_path.iterdir()) == [], "a video without frames is not written"


def test_a_full_disk_is_reported(video, analyzer, tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    out = tmp_path / "drawn.mp4"

    def drawn_video():
        with AnnotatedVideo(out, fps=25) as drawn:
            for image, result in analyze_frames(open_video(video), analyzer):
                drawn.add(image, result)

    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        with pytest.raises(MoueError, match="disk full"):
            drawn_video()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".json"])
def test_a_table_keeps_the_rows_before_ctrl_c(tmp_path, suffix):
    out = tmp_path / f"out{suffix}"

    def results():
        yield result_at(0.0, (1, 0.5), (2, 0.75))
        yield result_at(0.04)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_results(results(), out, class_names=NAMES, keep=True)
    if suffix == ".csv":
        with out.open(encoding="utf-8", newline="") as file:
            found = [(row["frame"], row["time_s"], row["track_id"], row["prob_happy"]) for row in csv.DictReader(file)]
        assert found == [
            ("0", "0.000", "1", "0.500000"),
            ("0", "0.000", "2", "0.750000"),
            ("1", "0.040", "", ""),
        ]
    else:
        text = out.read_text(encoding="utf-8")
        content = json.loads(text)["results"] if suffix == ".json" else list(map(json.loads, text.splitlines()))
        assert [(one["frame"], len(one["faces"])) for one in content] == [(0, 2), (1, 0)]
    assert list(tmp_path.iterdir()) == [out]
    assert write_results(iter([result_at(0.0)]), out, class_names=NAMES, keep=True, overwrite=True) == 1


def test_a_timeline_aggregates_frames():
    timeline = Timeline(NAMES)
    for number in range(100):
        people = [(1, 0.25)] if number < 50 else [(1, 0.75), (7, 1.0)]
        timeline.add(result_at(number / 25, *people))
    timeline.add(FrameResult("video.mp4", Status.UNREADABLE, message="lost", frame=100, time_s=4.0))
    one, other = timeline.people()
    assert (one.track_id, one.first_s, one.last_s, one.num_frames) == (1, 0, 3.96, 100)
    assert one.mean() == pytest.approx([0.5, 0.5])
    assert (other.track_id, other.first_s, other.mean()) == (7, 2.0, [1.0, 0.0])
    assert (timeline.num_frames, timeline.num_faces, timeline.num_people) == (100, 150, 2)


def test_a_timeline_of_a_long_video_stays_small():
    timeline = Timeline(NAMES)
    for number in range(10_000):  # three hours, a passer-by every ten seconds
        timeline.add(result_at(number * 1.0, (1, 0.5), (2 + number // 10, 0.5 + number % 10 / 20)))
    assert len(timeline.frames) <= 600
    assert sum(timeline.frames.values()) == 10_000
    people = timeline.people()
    assert len(people) == 256
    assert timeline.num_people == 1001
    assert people[0].num_frames == 10_000
    assert people[0].mean() == pytest.approx([0.5, 0.5])
    assert sum(len(person.bins) for person in people) < 1500


def test_absence_is_a_gap_but_sparse_frames_are_not():
    timeline = Timeline(NAMES)
    for number in range(10):  # two frames per second, and nobody is there for a while
        timeline.add(result_at(number / 2, *([] if 4 <= number < 7 else [(1, 0.9)])))
    stretches = list(_stretches(timeline, timeline.people()[0]))
    assert [(first, len(shares)) for first, shares in stretches] == [(0, 20), (35, 11)]


def test_the_plot_of_a_timeline(tmp_path):
    pytest.importorskip("matplotlib")
    timeline = Timeline(NAMES)
    with pytest.raises(MoueError, match="nobody"):
        plot_timeline(timeline, tmp_path / "none.png")
    for number in range(100):
        timeline.add(result_at(number / 25, (1, 1.0), *([(2, 0.0)] if number >= 50 else [])))
    path = plot_timeline(timeline, tmp_path / "line.png", title="a $ b.mp4")
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    yellow = (abs(pixels - (240, 228, 66)).sum(axis=2) < 12).sum()
    blue = (abs(pixels - (0, 114, 178)).sum(axis=2) < 12).sum()
    assert yellow > 1.6 * blue > 10_000, "one is happy for the whole video, the other sad for half of it"
    with pytest.raises(MoueError, match="already exists"):
        plot_timeline(timeline, path)


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (65.9, "1:05"), (3599, "59:59"), (7200, "2:00:00")])
def test_times_are_minutes_and_seconds(seconds, text):
    assert minutes(seconds) == text


def test_a_file_name_that_is_not_unicode_can_be_a_title(tmp_path):
    pytest.importorskip("matplotlib")
    timeline = Timeline(NAMES)
    timeline.add(result_at(0, (1, 1.0)))
    assert plot_timeline(timeline, tmp_path / "plot.png", title="clip\udcff.mp4").exists()
