"""The data of a timeline, its faces, and the command that writes it."""

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from helpers.frame_results import result_at
from helpers.video_files import write_video
from moue.errors import MoueError
from moue.output.timeline_table import timeline_csv, timeline_json, write_timeline
from moue.recognition.timeline import Timeline

NAMES = ("happy", "sad")


@pytest.fixture
def timeline():
    """One second at five frames per second: a person who becomes sad, and another one after a cut."""
    timeline = Timeline(NAMES)
    for number in range(5):
        people = [(1, 0.75 if number < 3 else 0.25), *([(2, 1.0)] if number == 4 else [])]
        timeline.add(dataclasses.replace(result_at(number / 5, *people), is_cut=number == 4))
    return timeline


def test_the_table_has_a_row_for_each_person_and_time_step(timeline):
    assert timeline_csv(timeline) == (
        "track_id,begin_s,end_s,num_frames,emotion,prob_happy,prob_sad\n"
        "1,0.000,0.100,1,happy,0.750000,0.250000\n"
        "1,0.200,0.300,1,happy,0.750000,0.250000\n"
        "1,0.400,0.500,1,happy,0.750000,0.250000\n"
        "1,0.600,0.700,1,sad,0.250000,0.750000\n"
        "1,0.800,0.900,1,sad,0.250000,0.750000\n"
        "2,0.800,0.900,1,happy,1.000000,0.000000\n"
    )


def test_json_also_has_cuts_and_shares(timeline):
    found = json.loads(timeline_json(timeline, "video.mp4"))
    assert (found["format"], found["version"], found["video"]) == ("moue-timeline", 1, "video.mp4")
    assert (found["cuts_s"], found["num_frames"], found["end_s"], found["step_s"]) == ([0.8], 5, 0.8, 0.1)
    one, other = found["people"]
    assert one["shares"] == {"happy": 0.6, "sad": 0.4}
    assert one["probabilities"] == {"happy": 0.55, "sad": 0.45}
    assert (other["track_id"], other["first_s"], other["last_s"], len(other["steps"])) == (2, 0.8, 0.8, 1)


def test_the_face_with_the_highest_confidence_is_kept():
    timeline = Timeline(NAMES)
    for shade, confidence in ((50, 0.6), (200, 0.9), (90, 0.7)):
        image = np.full((48, 64, 3), 10, np.uint8)
        image[4:35, 4:35] = shade
        timeline.add(result_at(shade / 25, (1, confidence)), image)
    face = timeline.people()[0].face
    assert face is not None
    assert face.shape == (96, 96, 3)
    assert (face[20:70, 20:70] == 200).all()


def test_the_plot_shows_cuts_and_faces(tmp_path):
    pytest.importorskip("matplotlib")
    red = np.zeros((48, 64, 3), np.uint8)
    red[...] = (210, 20, 60)
    plots = []
    for image, cut in ((None, False), (red, True)):
        timeline = Timeline(("sad", "happy"))
        for number in range(10):
            result = result_at(number / 5, (1, 0.9))
            face = dataclasses.replace(result.faces[0], probabilities={"sad": 0.1, "happy": 0.9})
            timeline.add(dataclasses.replace(result, faces=(face,), is_cut=cut and number == 5), image)
        path = write_timeline(timeline, tmp_path / f"{cut}.png", title="video")
        plots.append(np.asarray(Image.open(path).convert("RGB")).astype(int))
    plain, full = plots
    reds = [(abs(one - (210, 20, 60)).sum(axis=2) < 12).sum() for one in (plain, full)]
    assert reds[0] == 0
    assert reds[1] > 5000
    middle = [int((one[60:, 700:760].sum(axis=2) < 200).sum()) for one in (plain, full)]
    assert middle[1] > middle[0] + 100, "a dashed line in the middle"


def test_the_command(moue, run_folder, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (2, 12, 16, 3), dtype=np.uint8)
    scenes = [np.asarray(Image.fromarray(one).resize((160, 120))) for one in noise]
    clip = write_video(tmp_path / "video.avi", [scenes[0]] * 6 + [scenes[1]] * 6)
    base = ("predict", clip, "--model", run_folder, "--detector", "none", "--timeline")
    assert moue(*base, tmp_path / "t.json")[0] == moue(*base, tmp_path / "t.csv")[0] == 0
    found = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert (found["cuts_s"], found["video"]) == ([0.24], "video.avi")
    assert [person["num_frames"] for person in found["people"]] == [6, 6]
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert sum(int(row["num_frames"]) for row in csv.DictReader(file)) == 12
    for wrong, code in ((tmp_path / "t.json", 1), (tmp_path / "t.txt", 2)):
        assert moue(*base, wrong)[0] == code


def test_an_unknown_suffix_is_refused(timeline, tmp_path):
    with pytest.raises(MoueError, match="suffix"):
        write_timeline(timeline, tmp_path / "t.xlsx")
    assert list(tmp_path.iterdir()) == []
