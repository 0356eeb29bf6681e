"""Parts of films: together they are the film, whatever its end and whichever frames are wanted."""

from __future__ import annotations

import contextlib
import dataclasses
import json

import pytest

pytest.importorskip("pyarrow", reason="a cluster needs the extra 'cluster'")

from helpers.video_files import BrightSquares, two_squares
from moue.classifier.classifier import Classifier
from moue.cluster import films as films_module
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
    monkeypatch.setattr(films_module, "make_detector", lambda *_, **__: BrightSquares())
    return Analyzer(classifier, BrightSquares())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """Four seconds with a second person from the middle on."""
    return two_squares(tmp_path_factory.mktemp("in") / "film.avi", num=100)


def whole_of(path, analyzer, films):
    video, follower = open_video(path), Follower(films.smooth_s)
    with contextlib.closing(analyze_frames(video, analyzer, follower, sampling=films.sampling)) as frames:
        return [result for _, result in frames]


def parts_of(path, analyzer, films, place=None):
    place = place or place_of(path.parent)
    name = path.name.encode()
    (number,) = num_parts(place, [name], DEFAULT_LIMITS, films.part_s)
    answerer = VideoPredictor(films, analyzer)
    return [answerer.predict(place, name, part, is_last=part + 1 == number) for part in range(number)]


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
def test_the_parts_of_a_film_are_the_film(film, analyzer, sampling):
    films = VideoOptions(0.9, sampling)
    parts = parts_of(film, analyzer, films)
    assert len(parts) == 5
    assert_same(parts, whole_of(film, analyzer, films))
    for number, part in enumerate(parts):
        assert all(number * 0.9 <= result.time_s for result in part)
        assert all(result.time_s < (number + 1) * 0.9 for result in part)


def test_no_two_parts_give_one_number_to_two_people(film, analyzer):
    parts = parts_of(film, analyzer, VideoOptions(1.5))
    people = [{face.track_id for result in part for face in result.faces} for part in parts]
    for number, found in enumerate(people):
        assert len(found) >= 2
        assert all(0 < one - number * NUMBERS_OF_A_PART < 10 for one in found)


def test_a_film_that_breaks_off_says_so_once(tmp_path, film, analyzer):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(film.read_bytes()[: int(film.stat().st_size * 0.6)])
    films = VideoOptions(0.9)
    whole = whole_of(cut, analyzer, films)
    assert whole[-1].message
    answerer, place = VideoPredictor(films, analyzer), place_of(tmp_path)
    # As many parts as its beginning promises.
    parts = [answerer.predict(place, b"cut.avi", part, is_last=part == 4) for part in range(5)]
    assert_same(parts, whole)
    problems = [tally_of_part("cut.avi", part)["problem"] for part in parts]
    assert [problem for problem in problems if problem] == [f"unreadable: {whole[-1].message}"]
    assert parts[-1] == []


@pytest.mark.parametrize("name", ["gone.mp4", "text.mp4"])
def test_what_is_no_film_has_one_row(tmp_path, analyzer, name):
    (tmp_path / "text.mp4").write_bytes(b"no film")
    place = dataclasses.replace(place_of(tmp_path), shown="in")
    assert num_parts(place, [name.encode()], DEFAULT_LIMITS, 60) == [1]
    answerer = VideoPredictor(VideoOptions(60), analyzer)
    (result,) = answerer.predict(place, name.encode(), 0, is_last=True)
    assert (result.file, str(result.status)) == (f"in/{name}", "not_found" if name == "gone.mp4" else "unreadable")
    assert str(tmp_path) not in result.message
    assert answerer.predict(place, name.encode(), 1, is_last=True) == []
    assert json.loads(json.dumps(tally_of_part("in/x", [result])))["frames"] == 0


def test_a_film_at_an_address_is_copied_first(film, analyzer):
    here = place_of(film.parent)
    there = Place(here.filesystem, here.path, "store://films", is_local=False)
    films = VideoOptions(1.5)
    parts = parts_of(film, analyzer, films, there)
    assert_same(parts, whole_of(film, analyzer, films))
    assert {result.file for part in parts for result in part} == {"store://films/film.avi"}
    answerer = VideoPredictor(films, analyzer)
    (result,) = answerer.predict(there, b"gone.avi", 0, is_last=True)
    assert str(result.status) == "not_found"
    # Other faults are those of the storage, and no row hides them.
    with pytest.raises(MoueError, match="cannot copy store://films/"):
        answerer.predict(dataclasses.replace(there, path=f"{here.path}/film.avi"), b"x", 0, is_last=True)


@pytest.mark.parametrize("minutes", [0.0, -1.0, float("nan"), float("inf")])
def test_wrong_lengths_of_parts(minutes):
    with pytest.raises(SettingError, match="part_minutes is"):
        ClusterOptions("out.csv", part_minutes=minutes)
