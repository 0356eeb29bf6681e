"""Subtitles: times and texts, exactly."""

import pytest
from PIL import Image

from helpers.frame_results import result_at
from helpers.video_files import two_squares
from moue.output.subtitles import Subtitles


def srt(*frames):
    subtitles = Subtitles()
    for time_s, *people in frames:
        subtitles.add(result_at(time_s, *people))
    return subtitles.to_srt()


def test_a_cue_lasts_while_all_expressions_stay_the_same():
    text = srt(
        (0.0,),
        (0.5, (1, 0.9)),
        (1.0, (1, 0.8), (2, 0.1)),
        (1.5, (2, 0.2), (1, 0.9)),
        (2.0, (2, 0.2), (1, 0.3)),
        (2.5, (2, 0.2)),
    )
    assert text == (
        "1\n00:00:00,500 --> 00:00:01,000\n#1 happy\n\n"
        "2\n00:00:01,000 --> 00:00:02,000\n#1 happy\n#2 sad\n\n"
        "3\n00:00:02,000 --> 00:00:02,500\n#1 sad\n#2 sad\n\n"
        "4\n00:00:02,500 --> 00:00:03,000\n#2 sad\n\n"
    )


def test_short_gaps_are_bridged_and_long_ones_start_a_new_cue():
    frames = [(number / 10, *([] if number in (3, 4, *range(8, 16)) else [(1, 0.9)])) for number in range(20)]
    assert srt(*frames) == (
        "1\n00:00:00,000 --> 00:00:00,800\n#1 happy\n\n2\n00:00:01,600 --> 00:00:02,000\n#1 happy\n\n"
    )


def test_unsure_predictions_have_a_question_mark_and_times_have_hours():
    assert srt((3725.25, (3, 0.49))) == "1\n01:02:05,250 --> 01:02:05,290\n#3 sad\n\n"
    subtitles = Subtitles()
    subtitles.add(result_at(59.9996, (3, 0.6), unsure_below=0.7))
    assert subtitles.to_srt().startswith("1\n00:01:00,000 --> 00:01:00,040\n#3 happy?\n")


def test_without_people_the_file_is_empty(tmp_path):
    assert Subtitles().write(tmp_path / "none.srt").read_bytes() == b""


@pytest.fixture
def predict(moue, run_folder):
    return lambda *more: moue("predict", *more, "--model", run_folder, "--detector", "none")


def test_the_command_writes_subtitles_of_one_video(predict, tmp_path):
    clip, out = two_squares(tmp_path / "video.avi", 10), tmp_path / "new" / "video.srt"
    assert predict(clip, "--srt", out)[0] == 0
    content = out.read_text(encoding="utf-8")
    assert content.startswith("1\n00:00:00,000 --> 00:00:00,")
    assert content.split("\n")[-4].endswith("--> 00:00:00,400")
    code, _, printed = predict(clip, "--srt", out)
    assert (code, "already exists" in printed) == (1, True)
    assert predict(clip, "--srt", out, "--overwrite")[0] == 0
    photo = tmp_path / "photos" / "photo.png"
    photo.parent.mkdir()
    Image.new("L", (60, 60)).save(photo)
    for wrong, message in (
        ((clip, clip, "--srt", tmp_path / "b.srt"), "belongs to one video, but there are 2 files to read"),
        ((photo, "--srt", tmp_path / "b.srt"), "belongs to a video, but"),
        ((photo.parent, "--timeline", tmp_path / "b.csv"), "photo.png is an image"),
        ((clip, "--srt", tmp_path / "b.txt"), ".srt"),
        ((clip, "--aggregate", "--srt", tmp_path / "b.srt"), "no effect with --aggregate"),
    ):
        code, _, printed = predict(*wrong)
        assert (code, message.replace(" ", "") in "".join(printed.split())) == (2, True)
