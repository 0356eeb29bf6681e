"""`aggregate`: shares in groups, small groups suppressed, and nothing about a single face."""

import csv
import io
import json
import re

import numpy as np
import pytest
from PIL import Image

from helpers.onnx_model import expected_proba
from helpers.video_files import two_squares
from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.media.decode import Status
from moue.media.pixels import fit_gray
from moue.predict import Listener, PredictOptions
from moue.predict.aggregate import _Counting, aggregate
from moue.recognition.face_result import TrackedFace
from moue.recognition.frame_result import FrameResult
from moue.recognition.timeline import Timeline


@pytest.fixture
def album(tmp_path):
    """Six faces in one folder, two in another."""
    rng = np.random.default_rng(0)
    for name, count in (("many", 6), ("few", 2)):
        (tmp_path / name).mkdir()
        for number in range(count):
            image = np.clip(rng.normal(40 * number, 30, (60, 60)), 0, 255).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"anna-{number}.png")
    return tmp_path


def predictions_in(folder):
    faces = [fit_gray(np.asarray(Image.open(path))) for path in sorted(folder.iterdir())]
    return [CLASS_NAMES[k] for k in expected_proba(np.stack(faces)).argmax(axis=1)]


def options(run_folder, **more):
    return PredictOptions(model=run_folder, detector="none", recursive=True, **more)


def test_shares_of_each_folder(run_folder, album):
    found = aggregate([album / "many", album / "few"], options(run_folder), min_faces=2)
    assert [(group.source, group.num_faces) for group in found.groups] == [
        (str(album / "many"), 6),
        (str(album / "few"), 2),
    ]
    for group in found.groups:
        expected = predictions_in(album / group.source.rpartition("/")[2])
        assert group.shares == {
            name: pytest.approx(expected.count(name) / len(expected), abs=1e-3) for name in CLASS_NAMES
        }
        assert group.minute is None


def test_small_groups_are_suppressed_and_nothing_names_a_face(run_folder, album):
    found = aggregate([album / "many", album / "few"], options(run_folder))
    assert [group.suppressed for group in found.groups] == [False, True]
    small = found.groups[1]
    assert (small.num_faces, small.shares, small.unsure) == (None, {}, None)
    assert set(found.summary.emotions) == {""}
    for text in (found.to_csv(), found.to_json()):
        assert "anna" not in text
        assert not re.search("box|track|x,y", text)
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert [row["suppressed"] for row in rows] == ["false", "true"]
    assert (rows[1]["num_faces"], rows[1]["happy"]) == ("", "")
    read = json.loads(found.to_json())
    assert (read["format"], read["min_faces"], len(read["groups"])) == ("moue-aggregate", 5, 2)


def test_people_of_a_video_count_once_a_minute(run_folder, tmp_path):
    two_squares(tmp_path / "slow.avi", 10, fps=0.1)  # 0 to 90 seconds
    with pytest.raises(MoueError, match="at least 1 face"):
        aggregate([tmp_path / "slow.avi"], options(run_folder), min_faces=1)
    found = aggregate([tmp_path / "slow.avi"], options(run_folder))
    assert [(group.minute, group.suppressed) for group in found.groups] == [(0, True), (1, True)]


def test_a_crowd_is_counted_by_people_and_minute():
    counted = _Counting(Listener(), 0.5)
    counted.class_names = ("happy", "sad")

    def frame(time_s, *happy):
        faces = (
            TrackedFace((0, 0, 9, 9), "", 0.0, {"happy": share, "sad": 1 - share}, track_id=number)
            for number, share in enumerate(happy)
        )
        return FrameResult("hall.mp4", Status.OK, 10, 10, tuple(faces), frame=0, time_s=time_s)

    for result in (frame(0, 0.9, 0.2), frame(59, 0.9, 0.9, 0.9), frame(60, 0.1)):
        counted.result(result)
    counted.video_ended("hall.mp4", Timeline(counted.class_names), counted.class_names)
    first, second = counted.groups()
    # The second person is sad in one frame and happy in another: 0.55 on average.
    assert (first.minute, first.num_faces, first.shares) == (0, 3, {"happy": 1.0, "sad": 0.0})
    assert (second.minute, second.num_faces, second.shares) == (1, 1, {"happy": 0.0, "sad": 1.0})


@pytest.mark.parametrize("more", [{"output": "faces.csv"}, {"annotate": "drawn"}])
def test_outputs_with_single_faces_are_refused(run_folder, album, tmp_path, more):
    chosen = options(run_folder, **{key: tmp_path / value for key, value in more.items()})
    with pytest.raises(MoueError, match="single faces"):
        aggregate([album], chosen)


def test_the_command(moue, run_folder, album):
    command = ("predict", album / "many", album / "few", "--model", run_folder, "--detector", "none", "--aggregate")
    code, printed, err = moue(*command, "--output", album / "shares.json")
    assert code == 0
    assert f"{album / 'many'}: 6 faces" in printed
    assert "1 group was suppressed: fewer than 5 faces" in err
    assert "anna" not in printed + err
    assert json.loads((album / "shares.json").read_text(encoding="utf-8"))["groups"][0]["num_faces"] == 6
    (album / "many" / "notes.txt").write_text("of the album", encoding="utf-8")
    assert "skipped, not images or videos: 1 (notes.txt)" in moue(*command)[2]
    assert "already exists" in moue(*command, "--output", album / "shares.json")[2]
    assert moue(*command, "--output", album / "shares.jsonl")[0] == 2
    code, printed, _ = moue(*command, "--output", "-")
    assert printed.startswith("source,minute,num_faces,suppressed,unsure,angry")
    code, _, err = moue(*command, "--json")
    assert code == 2
    assert "--aggregate" in err
