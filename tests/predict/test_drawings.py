"""What `moue predict --annotate` writes: no file of the user is lost, and an interrupted run resumes its own."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from helpers.video_files import two_squares
from moue.errors import MoueError, SettingError
from moue.media import open_video as source
from moue.output.csv_run import CsvRun
from moue.predict import drawings
from moue.predict.jobs import drawing_jobs
from moue.recognition import stream


@pytest.fixture
def predict(moue, run_folder):
    return lambda *more: moue("predict", *more, "--model", run_folder, "--detector", "none")


def make_image(path, shade=99):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((50, 40), shade, np.uint8)).save(path)
    return path


def make_video(path, num=4):
    path.parent.mkdir(parents=True, exist_ok=True)
    return two_squares(path, num)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (("a/x.png", "b/x.png", "c/x-2.png"), ("x.jpg", "x-2.jpg", "x-2-2.jpg")),
        (("a/x.mp4", "b/X.avi", "c/x-2.mp4", "a/x.mp4"), ("x.webm", "X-2.webm", "x-2-2.webm", "x-3.webm")),
        (("a/\u00e9.png", "b/E\u0301.png"), ("\u00e9.jpg", "E\u0301-2.jpg")),
        (("x.png", "x.mp4", "x.jpg"), ("x.jpg", "x.webm", "x-2.jpg")),
        (("https://h/a%20b.mp4?token=1", "https://h/c.png#d", "https://h/"), ("a_b.webm", "c.jpg", "h.jpg")),
    ],
)
def test_every_drawing_has_its_own_name(tmp_path, paths, expected):
    jobs = drawing_jobs(paths, tmp_path)
    assert [job.source for job in jobs] == list(paths)
    assert [job.drawing for job in jobs] == [tmp_path / name for name in expected]
    assert [job.drawing for job in drawing_jobs(paths, None)] == [None] * len(paths)


def test_many_sources_with_the_same_name_are_named_quickly(tmp_path):
    jobs = drawing_jobs([f"{number}/x.png" for number in range(4000)], tmp_path)
    assert len({job.drawing for job in jobs}) == 4000


def test_a_drawing_never_replaces_an_input(tmp_path):
    clip = tmp_path / "clip.mp4"
    for path in (clip, tmp_path / "clip-timeline.png", tmp_path / "link.jpg"):
        path.write_bytes(b"mine")
    with pytest.raises(MoueError, match=r"clip-timeline\.png is one of the files"):
        drawing_jobs([tmp_path / "none" / "clip.mov", tmp_path / "clip-timeline.png"], tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "link.jpg").symlink_to(tmp_path / "link.jpg")
    with pytest.raises(MoueError, match=r"link\.jpg is one of the files"):
        drawing_jobs([tmp_path / "link.jpg"], tmp_path / "deep")
    assert drawing_jobs(["https://h/clip.mp4"], tmp_path)[0].drawing == tmp_path / "clip.webm"


@pytest.mark.parametrize(
    ("sources", "name", "message"),
    [
        (("a.mp4",), "out.mkv", r"cannot be written to .*out\.mkv\nexpected a folder, or .* \.webm, \.mp4, \.avi"),
        (("a.mp4",), "out.PNG", r"cannot be written to .*out\.PNG"),
        (("a.jpg",), "out.webm", r"out\.webm is a video, but a\.jpg is an image"),
        (("a.mp4", "a.mp4"), "out.webm", r"out\.webm is one video, but 2 files are to be annotated"),
    ],
)
def test_a_file_name_is_not_taken_for_a_folder(tmp_path, sources, name, message):
    with pytest.raises(SettingError, match=message):
        drawing_jobs(sources, tmp_path / name)
    (tmp_path / name).mkdir()
    assert drawing_jobs(sources, tmp_path / name)[0].drawing.parent == tmp_path / name


def test_photographs_are_not_replaced_by_their_drawings(predict, tmp_path):
    photos = tmp_path / "photos"
    before = [make_image(photos / name).read_bytes() for name in ("a.jpg", "b.jpg")]
    code, _, err = predict(photos, "--annotate", photos, "--overwrite")
    assert (code, "a.jpg is one of the files" in err) == (1, True)
    assert [(photos / name).read_bytes() for name in names(photos)] == before


def test_a_video_is_not_replaced_before_it_is_read(predict, tmp_path):
    first, second = make_video(tmp_path / "a/clip.webm"), make_video(tmp_path / "b/clip.webm", 6)
    before = second.read_bytes()
    code, _, err = predict(first, second, "--annotate", second.parent, "--overwrite")
    assert (code, "is one of the files" in err) == (1, True)
    assert second.read_bytes() == before


@pytest.mark.parametrize("kind", ["clip.mp4", "photo.png"])
def test_the_users_file_is_kept_however_often_the_command_runs(predict, tmp_path, kind):
    given = make_video(tmp_path / kind) if kind == "clip.mp4" else make_image(tmp_path / kind)
    out, drawn = tmp_path / "r.csv", tmp_path / "drawn"
    mine = [drawn / given.with_suffix(".webm" if kind == "clip.mp4" else ".jpg").name, drawn / "clip-timeline.png"]
    drawn.mkdir()
    for path in mine:
        path.write_bytes(b"mine")
    for _ in range(3):
        code, _, err = predict(given, "--annotate", drawn, "--output", out)
        assert (code, "already exists" in err) == (1, True)
        assert [path.read_bytes() for path in mine] == [b"mine", b"mine"]
    assert predict(given, "--annotate", drawn, "--output", out, "--overwrite")[0] == 0
    assert mine[0].read_bytes() != b"mine"


def interrupt(*_):
    raise KeyboardInterrupt


def interrupt_at(patch, frame):
    real = stream.Follower.add

    def add(self, image, name, one):
        if one.number == frame:
            raise KeyboardInterrupt
        return real(self, image, name, one)

    patch.setattr(stream.Follower, "add", add)


def test_resuming_a_video_with_another_folder_replaces_nothing_there(predict, tmp_path, monkeypatch):
    clip = make_video(tmp_path / "clip.mp4", 8)
    out, first, second = tmp_path / "r.csv", tmp_path / "first", tmp_path / "second"
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4)
        assert predict(clip, "--annotate", first, "--output", out)[0] == 130
    second.mkdir()
    (second / "clip.webm").write_bytes(b"mine")
    code, _, err = predict(clip, "--annotate", second, "--output", out)
    assert (code, "already exists" in err) == (1, True)
    assert (second / "clip.webm").read_bytes() == b"mine"
    # The drawing in the first folder is still the run's own.
    assert predict(clip, "--annotate", first, "--output", out)[0] == 0
    assert len(read(out)) == 8
    assert names(tmp_path) == ["clip.mp4", "first", "r.csv", "second"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("stopped", [0, 1, 2])
def test_a_run_interrupted_while_drawing_resumes(predict, tmp_path, monkeypatch, stopped, when):
    photos = [make_image(tmp_path / folder / "x.png") for folder in "abc"]
    out, drawn = tmp_path / "r.csv", tmp_path / "drawn"
    real, calls = drawings.save_drawing, []

    def save(*arguments, **options):
        calls.append(arguments)
        if len(calls) == stopped + 1 and when == "before":
            raise KeyboardInterrupt
        real(*arguments, **options)
        if len(calls) == stopped + 1:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(drawings, "save_drawing", save)
        assert predict(*photos, "--annotate", drawn, "--output", out)[0] == 130
    assert len(read(tmp_path / "r.csv.part")) == stopped
    code, _, err = predict(*photos, "--annotate", drawn, "--output", out)
    assert code == 0, err
    assert [row["file"] for row in read(out)] == list(map(str, photos))
    assert names(drawn) == ["x-2.jpg", "x-3.jpg", "x.jpg"]
    assert names(tmp_path) == ["a", "b", "c", "drawn", "r.csv"]


def test_a_run_that_may_overwrite_also_resumes(predict, tmp_path, monkeypatch):
    photos = [make_image(tmp_path / name, shade) for shade, name in enumerate(("a.png", "b.png"))]
    clip, out, drawn = make_video(tmp_path / "clip.avi", 8), tmp_path / "r.csv", tmp_path / "drawn"
    command = (*photos, clip, "--annotate", drawn, "--output", out, "--overwrite")
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4)
        code, _, err = predict(*command)
        assert (code, "the same command resumes" in err) == (130, True)
    code, _, err = predict(*command)
    assert (code, "resuming: 2 results" in err) == (0, True)
    assert len(read(out)) == 10
    # With other options the rows that are there do not fit; they are discarded.
    with monkeypatch.context() as patch:
        interrupt_at(patch, 4)
        assert predict(*command)[0] == 130
    code, _, err = predict(*command, "--unsure-below", 0.9)
    assert (code, "resuming" in err) == (0, False)
    assert len(read(out)) == 10


def test_a_video_at_an_address_is_drawn_beside_existing_files(predict, tmp_path, monkeypatch):
    clip, drawn = make_video(tmp_path / "clip.mp4"), tmp_path / "drawn"
    address = "https://h/my%20clip.mp4?token=1"
    monkeypatch.setattr(source, "_open_address", lambda address, **_: source._open_file(clip, address))
    for expected, word in ((0, "1 video, 4 frames"), (1, "already exists")):
        code, _, err = predict(address, "--allow-url", "--annotate", drawn)
        assert (code, word in err) == (expected, True), err
    assert {"my_clip.webm"} <= set(names(drawn)) <= {"my_clip.webm", "my_clip-timeline.png"}


@pytest.mark.parametrize(("part", "value"), [("heads", 2.0), ("expression", [0.5] * 7), ("input", 0.5)])
def test_rows_of_another_calibration_or_crop_do_not_mix(predict, run_folder, tmp_path, monkeypatch, part, value):
    """The network is the same, but its model.json was fitted again."""
    out, photos = tmp_path / "r.csv", [make_image(tmp_path / name) for name in ("a.png", "b.png")]
    with monkeypatch.context() as patch:
        patch.setattr(CsvRun, "finish", interrupt)
        assert predict(*photos, "--output", out)[0] == 130
    about = run_folder / "model.json"
    before = about.read_text()
    content = json.loads(before)
    one = content[part][0] if part == "heads" else content[part]
    one[{"heads": "temperature", "expression": "bias", "input": "crop_margin"}[part]] = value
    try:
        about.write_text(json.dumps(content))
        code, _, err = predict(*photos, "--output", out)
    finally:
        about.write_text(before)
    assert (code, "other settings" in err) == (1, True)
    assert predict(*photos, "--output", out)[0] == 0


@pytest.mark.parametrize("options", [("--smooth", "inf"), ("--fps", "inf"), ("--fps", 0)])
def test_invalid_numbers_are_refused_before_the_run(predict, tmp_path, options):
    code, _, err = predict(make_image(tmp_path / "a.png"), "--output", tmp_path / "r.csv", *options)
    assert (code, "error: " in err) == (2, True)
    assert names(tmp_path) == ["a.png"]
