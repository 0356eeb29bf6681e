"""Parts of videos: together they equal the whole video, however it ends and whichever frames are analyzed."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import pytest

pytest.importorskip("pyarrow", reason="a cluster needs the extra 'cluster'")

from helpers.video_files import BrightSquares, two_squares
from moue.classifier.classifier import Classifier
from moue.cluster import videos as videos_module
from moue.cluster.options import ClusterOptions
from moue.cluster.place import Place, place_of
from moue.cluster.videos import NUMBERS_OF_A_PART, VideoOptions, VideoPredictor, num_parts, tally_of_part
from moue.errors import MoueError, SettingError
from moue.media.clock import Sampling
from moue.media.decode import DEFAULT_LIMITS
from moue.media.open_video import open_video
from moue.recognition.analyzer import Analyzer
from moue.recognition.stream import Follower, analyze_frames


@pytest.fixture(scope="module")
def classifier(run_folder):
    return Classifier.load(run_folder, threads=1)


@pytest.fixture
def analyzer(classifier, monkeypatch):
    monkeypatch.setattr(videos_module, "make_detector", lambda *_, **__: BrightSquares())
    return Analyzer(classifier, BrightSquares())


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A video of four seconds, with a second person after a third of the time."""
    return two_squares(tmp_path_factory.mktemp("in") / "clip.avi", num=100)


def whole_of(path, analyzer, options):
    video, follower = open_video(path), Follower(options.smooth_s)
    with contextlib.closing(analyze_frames(video, analyzer, follower, sampling=options.sampling)) as frames:
        return [result for _, result in frames]


def parts_of(path, analyzer, options, place=None):
    place = place or place_of(path.parent)
    name = path.name.encode()
    (number,) = num_parts(place, [name], DEFAULT_LIMITS, options.part_s)
    predictor = VideoPredictor(options, analyzer)
    return [predictor.predict(place, name, part, is_last=part + 1 == number) for part in range(number)]


def rows_of(results):
    """The rows, without the numbers of people and the folder."""
    return [
        row | {"track_id": row["track_id"] is not None, "file": ""} for result in results for row in result.to_rows()
    ]


def raw_of(results):
    return [[(face.raw_emotion, face.raw_confidence) for face in result.faces] for result in results]


def assert_same(parts, whole):
    joined = [result for part in parts for result in part]
    assert [row.keys() for row in rows_of(joined)] == [row.keys() for row in rows_of(whole)]
    for one, other in zip(rows_of(joined), rows_of(whole), strict=True):
        assert one == pytest.approx(other, abs=1e-5)
    assert len({value for faces in raw_of(whole) for _, value in faces}) > 1  # the frames differ
    for one, other in zip(raw_of(joined), raw_of(whole), strict=True):
        assert [name for name, _ in one] == [name for name, _ in other]
        assert [value for _, value in one] == pytest.approx([value for _, value in other], abs=1e-5)


@pytest.mark.parametrize(
    "sampling", [Sampling(), Sampling(every=3), Sampling(fps=7.0), Sampling(fps=0.8)], ids=["all", "third", "7", "0.8"]
)
def test_the_parts_of_a_video_add_up_to_the_video(clip, analyzer, sampling):
    options = VideoOptions(0.9, sampling)
    parts = parts_of(clip, analyzer, options)
    assert len(parts) == 5
    assert_same(parts, whole_of(clip, analyzer, options))
    for number, part in enumerate(parts):
        assert all(number * 0.9 <= result.time_s for result in part)
        assert all(result.time_s < (number + 1) * 0.9 for result in part)


def test_parts_never_give_the_same_number_to_different_people(clip, analyzer):
    parts = parts_of(clip, analyzer, VideoOptions(1.5))
    people = [{face.track_id for result in part for face in result.faces} for part in parts]
    for number, found in enumerate(people):
        assert len(found) >= 2
        assert all(0 < one - number * NUMBERS_OF_A_PART < 10 for one in found)


def test_a_video_that_breaks_off_is_reported_once(tmp_path, clip, analyzer):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: int(clip.stat().st_size * 0.6)])
    options = VideoOptions(0.9)
    whole = whole_of(cut, analyzer, options)
    assert whole[-1].message
    predictor, place = VideoPredictor(options, analyzer), place_of(tmp_path)
    # As many parts as the header of the file promises.
    parts = [predictor.predict(place, b"cut.avi", part, is_last=part == 4) for part in range(5)]
    assert_same(parts, whole)
    problems = [tally_of_part("cut.avi", part)["problem"] for part in parts]
    assert [problem for problem in problems if problem] == [f"unreadable: {whole[-1].message}"]
    assert parts[-1] == []


@pytest.mark.parametrize("name", ["gone.mp4", "text.mp4"])
def test_a_file_that_is_not_a_video_has_one_row(tmp_path, analyzer, name):
    (tmp_path / "text.mp4").write_bytes(b"not a video")
    place = dataclasses.replace(place_of(tmp_path), shown="in")
    assert num_parts(place, [name.encode()], DEFAULT_LIMITS, 60) == [1]
    predictor = VideoPredictor(VideoOptions(60), analyzer)
    (result,) = predictor.predict(place, name.encode(), 0, is_last=True)
    assert (result.file, str(result.status)) == (f"in/{name}", "not_found" if name == "gone.mp4" else "unreadable")
    assert str(tmp_path) not in result.message
    assert predictor.predict(place, name.encode(), 1, is_last=True) == []
    assert json.loads(json.dumps(tally_of_part("in/x", [result])))["frames"] == 0


def test_a_video_at_an_address_is_copied_first(clip, analyzer):
    here = place_of(clip.parent)
    there = Place(here.filesystem, here.path, "store://videos", is_local=False)
    options = VideoOptions(1.5)
    parts = parts_of(clip, analyzer, options, there)
    assert_same(parts, whole_of(clip, analyzer, options))
    assert {result.file for part in parts for result in part} == {"store://videos/clip.avi"}
    predictor = VideoPredictor(options, analyzer)
    (result,) = predictor.predict(there, b"gone.avi", 0, is_last=True)
    assert str(result.status) == "not_found"
    # Other errors come from the storage; they are raised and not hidden in a row.
    with pytest.raises(MoueError, match="cannot copy store://videos/"):
        predictor.predict(dataclasses.replace(there, path=f"{here.path}/clip.avi"), b"x", 0, is_last=True)


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan"), float("inf")])
def test_invalid_lengths_of_parts_are_refused(minutes):
    with pytest.raises(SettingError, match="part_minutes is"):
        ClusterOptions("out.csv", part_minutes=minutes)
