"""Every image gives one result; many images give their results in order."""

import csv
import io
import json
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from helpers import onnx_model
from helpers.tables import write_results
from moue.classifier.classifier import Classifier
from moue.data.synthetic.dataset import synthesize
from moue.errors import MoueError
from moue.faces import Face, make_detector
from moue.faces.crop import crop_face
from moue.labels import CLASS_NAMES
from moue.media.decode import ImageLimits, Status
from moue.output.csv_run import CsvRun
from moue.recognition.analyze import analyze, analyze_many
from moue.recognition.analyzer import Analyzer
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult
from moue.recognition.rows import columns, to_df


class TwoCorners:
    """Finds a face in the upper left of every image, and a second one if the image is wide."""

    name = "corners"

    def detect(self, image):
        height, width = image.shape[:2]
        if image.max() == 0:
            return []
        faces = [Face(0, 0, width / 2, height / 2, face_score=0.9)]
        return faces + [Face(width / 2, 0, width / 3, height / 2, face_score=0.8)] * (width > height)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Classifier.load(onnx_model.save_run(tmp_path_factory.mktemp("run"), temperature=1.5), threads=1)


@pytest.fixture(scope="module")
def whole(model):
    return Analyzer(model, make_detector("none"))


@pytest.fixture(scope="module")
def corners(model):
    return Analyzer(model, TwoCorners(), limits=ImageLimits(max_pixels=500_000))


@pytest.fixture(scope="module")
def image_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("image_folder")
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 256, (70, 90, 3), dtype=np.uint8)).save(folder / "wide.png")
    Image.fromarray(rng.integers(0, 256, (60, 48), dtype=np.uint8)).save(folder / "gray.png")
    Image.new("RGB", (80, 60)).save(folder / "black.png")
    Image.new("RGB", (900, 800)).save(folder / "large.png")
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no image")
    return folder


NAMES = ["text.jpg", "wide.png", "empty.jpg", "missing.png", "gray.png", "black.png", "large.png", ".", "wide.png"]
STATUSES = ["unreadable", "ok", "empty", "not_found", "ok", "no_face", "too_large", "unsupported", "ok"]
NUM_FACES = [0, 2, 0, 0, 1, 0, 0, 0, 2]


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 1), (2, 3), (64, 2)])
def test_one_result_for_each_image_in_order(corners, image_folder, batch_size, workers):
    paths = [str(image_folder / name) for name in NAMES]
    results = list(corners.analyze_many(paths, batch_size=batch_size, workers=workers))
    assert [result.file for result in results] == paths
    assert [result.status for result in results] == STATUSES
    assert [len(result.faces) for result in results] == NUM_FACES
    assert all(result.message for result in results if result.status != "ok")
    alone = corners.analyze(paths[1])
    assert results[1].faces[0].box == alone.faces[0].box
    assert list(results[1].faces[0].probabilities.values()) == pytest.approx(
        list(alone.faces[0].probabilities.values()), abs=1e-5
    )


@pytest.mark.parametrize(("size", "status"), [((64, 48), "ok"), ((65, 48), "no_face")])
def test_an_image_as_small_as_a_crop_counts_as_a_face_if_none_is_found(corners, size, status):
    result = corners.analyze(Image.new("RGB", size))
    assert result.status == status
    assert [face.box for face in result.faces] == ([(0, 0, *size)] if status == "ok" else [])
    assert result.detector == ("none" if status == "ok" else "corners")


def test_a_face_gets_the_mean_prediction_of_its_views(corners, model, image_folder):
    face = corners.analyze(image_folder / "wide.png").faces[1]
    image = np.asarray(Image.open(image_folder / "wide.png"))
    crops = [crop_face(image, Face(45, 0, 30, 35), zoom=zoom) for zoom in (1.0, 1.08, 0.92)]
    crops[1] = crops[1][:, ::-1]  # every other one is mirrored
    expected = model.predict_proba(np.stack(crops)).mean(axis=0)
    np.testing.assert_allclose(list(face.probabilities.values()), expected, atol=1e-5)
    assert tuple(face.probabilities) == CLASS_NAMES
    assert face.emotion == CLASS_NAMES[expected.argmax()]
    assert face.confidence == max(face.probabilities.values())
    assert face.unsure == (face.confidence < 0.5)
    single = Analyzer(model, TwoCorners(), views=1).analyze(image).faces[1]
    np.testing.assert_allclose(list(single.probabilities.values()), model.predict_proba(crops[0])[0], atol=1e-5)


def test_without_detection_a_face_is_predicted_as_it_is(whole, model):
    images = synthesize(3).images[:5]
    results = list(whole.analyze_many(images))
    predictions = [list(result.faces[0].probabilities.values()) for result in results]
    np.testing.assert_allclose(predictions, model.predict_proba(images), atol=1e-5)
    assert results[0].faces[0].box == (0, 0, 48, 48)


def test_every_kind_of_source_gives_the_same(corners, image_folder):
    path = image_folder / "wide.png"
    image = np.asarray(Image.open(path))
    expected = corners.analyze(path)
    for source in (str(path), path.read_bytes(), image, Image.open(path)):
        assert corners.analyze(source).faces == expected.faces
    gray = np.asarray(Image.open(image_folder / "gray.png"))
    assert corners.analyze(gray).faces == corners.analyze(gray[..., None]).faces


def test_boxes_that_the_caller_gives(corners, image_folder):
    result = corners.analyze(image_folder / "black.png", boxes=[(0, 0, 10, 10), (5, 5, 20, 30)])
    assert result.detector == "given"
    assert [face.box for face in result.faces] == [(0, 0, 10, 10), (5, 5, 20, 30)]
    assert corners.analyze(image_folder / "wide.png", boxes=[]).status == "no_face"
    for boxes in ([(90, 0, 5, 5)], [(0, 0, 0, 5)], [(1, 2, 3)]):
        with pytest.raises(MoueError, match="box"):
            corners.analyze(image_folder / "wide.png", boxes=boxes)


WRONG = [
    np.zeros((8, 8), np.float32),
    np.zeros((8, 8, 4), np.uint8),
    np.zeros(8, np.uint8),
    12,
    None,
]


@pytest.mark.parametrize("source", WRONG, ids=str)
def test_a_wrong_source_raises_alone_and_is_a_row_among_many(corners, source):
    with pytest.raises(MoueError):
        corners.analyze(source)
    first, second = corners.analyze_many([source, np.ones((9, 9), np.uint8)])
    assert (first.status, second.status) == ("unsupported", "ok")
    assert first.message
    assert corners.analyze_safely(source).to_dict() == first.to_dict()


def test_arrays_have_the_same_limits(corners):
    assert corners.analyze(np.zeros((0, 5), np.uint8)).status == "empty"
    assert corners.analyze(np.zeros((1000, 501), np.uint8)).status == "too_large"


def test_a_detector_that_fails_costs_one_row(model):
    class Fails:
        name = "fails"

        def detect(self, image):
            if image[0, 0, 0] == 1:
                raise RuntimeError("broken detector")
            return [Face(0, 0, 5, 5)]

    images = [np.full((9, 9), value, np.uint8) for value in (0, 1, 2)]
    results = list(Analyzer(model, Fails()).analyze_many(images))
    assert [result.status for result in results] == ["ok", "failed", "ok"]
    assert "broken detector" in results[1].message
    assert [Analyzer(model, Fails()).analyze_safely(image).status for image in images] == ["ok", "failed", "ok"]


def test_only_a_few_images_are_read_ahead_and_the_threads_end(whole):
    taken = 0

    def sources():
        nonlocal taken
        for _ in range(10_000):
            taken += 1
            yield np.zeros((4, 4), np.uint8)

    before = threading.active_count()
    results = whole.analyze_many(sources(), workers=2, batch_size=4)
    for _ in range(8):
        next(results)
    assert taken <= 8 + 4 + 6
    results.close()
    assert threading.active_count() <= before


def test_invalid_numbers_are_refused(model, whole):
    for options in ({"unsure_below": 1.5}, {"views": 0}, {"views": 4}):
        with pytest.raises(MoueError):
            Analyzer(model, make_detector("none"), **options)
    for options in ({"workers": 0}, {"batch_size": 0}):
        with pytest.raises(MoueError):
            whole.analyze_many([], **options)
    assert list(whole.analyze_many([])) == []


def test_analyze_and_analyze_many(model, image_folder):
    result = analyze(image_folder / "gray.png", model=model, detector="none")
    assert result.faces
    assert (
        next(analyze_many([image_folder / "gray.png"], model=model.path.parent, detector="none")).faces == result.faces
    )


@settings(max_examples=150)
@given(data=st.data())
def test_mutated_files_give_a_status_never_an_error(corners, data):
    kind = data.draw(st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"]))
    file = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, kind)
    content = bytearray(file.getvalue())
    for _ in range(data.draw(st.integers(1, 8))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    result = corners.analyze(bytes(content[:cut] if data.draw(st.booleans()) else content))
    assert result.status in set(Status) - {Status.FAILED}
    assert bool(result.faces) == (result.status == "ok")
    json.dumps(result.to_dict(), allow_nan=False)


PROBABILITIES = dict(zip(CLASS_NAMES, [0.05, 0.0, 0.05, 0.6, 0.1, 0.1, 0.1], strict=True))
FACE = FaceResult((1.5, 2.0, 30.0, 40.25), "happy", 0.6, PROBABILITIES, False, ((1.0, 2.0),) * 5, 0.9)
ROWS = [
    ImageResult("a.png", Status.OK, 90, 70, (FACE, FACE), "yunet"),
    ImageResult("=1+1.png", Status.UNREADABLE, message="=damaged"),
    ImageResult('odd "name",\n.png', Status.NO_FACE, 9, 9, (), "yunet", "no face was found"),
    ImageResult("bad\udcff.png", Status.OK, 90, 70, (FACE,), "yunet"),
    ImageResult("a.png", Status.OK, 90, 70, (FACE, FACE), "yunet"),
]
FIELDS = "file status width height num_faces detector face x y face_width face_height face_score emotion confidence"


def test_field_names_are_stable():
    assert columns(("a", "b")) == (
        *FIELDS.split(),
        "unsure",
        "prob_a",
        "prob_b",
        "message",
        "frame",
        "time_s",
        "track_id",
    )
    content = ROWS[0].to_dict()
    assert set(content) == {"file", "status", "width", "height", "detector", "faces", "message", "timings"}
    names = {"box", "emotion", "confidence", "probabilities", "unsure", "landmarks", "face_score"}
    assert set(content["faces"][0]) == names
    assert set(content["timings"]) == {"decode_ms", "detection_ms", "preprocess_ms", "inference_ms"}
    assert json.loads(json.dumps(content)) == content


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_csv_json_and_lines(tmp_path):
    for suffix in (".csv", ".json", ".jsonl"):
        assert write_results(iter(ROWS), tmp_path / f"r{suffix}", class_names=CLASS_NAMES) == len(ROWS)
    rows = read(tmp_path / "r.csv")
    assert [row["face"] for row in rows] == ["0", "1", "", "", "0", "0", "1"]
    assert [rows[0][name] for name in ("x", "face_height", "unsure", "prob_happy")] == [
        "1.50",
        "40.25",
        "false",
        "0.600000",
    ]
    assert (rows[2]["file"], rows[2]["message"], rows[2]["width"]) == ("./=1+1.png", "'=damaged", "")
    assert rows[3]["file"] == 'odd "name",\n.png'
    expected = [row.to_dict() for row in ROWS]
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert (content["format"], content["version"], content["results"]) == ("moue-results", 1, expected)
    lines = (tmp_path / "r.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == expected
    write_results([], tmp_path / "none.json", class_names=CLASS_NAMES)
    assert json.loads((tmp_path / "none.json").read_text())["results"] == []


def test_a_pandas_data_frame():
    pytest.importorskip("pandas")
    frame = to_df(ROWS)
    assert list(frame.columns) == list(columns(CLASS_NAMES))
    assert frame["face"].notna().sum() == 5
    assert frame.groupby("file")["prob_happy"].mean()["a.png"] == pytest.approx(0.6)


@given(data=st.data())
@settings(max_examples=60)
def test_an_interrupted_run_resumes_wherever_it_was_cut(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("csv") / "out.csv"
    write_results(ROWS, path, class_names=CLASS_NAMES)
    whole_file = path.read_bytes()
    path.unlink()
    with CsvRun(path, class_names=CLASS_NAMES, settings={"model": "m"}) as run:
        for row in ROWS:
            run.write(row)
    assert run.part.read_bytes() == whole_file
    run.part.write_bytes(whole_file[: data.draw(st.integers(0, len(whole_file)))])
    with CsvRun(path, class_names=CLASS_NAMES, settings={"model": "m"}) as run:
        left = [row for row in ROWS if not run.is_done(row.file)]
        assert len(left) == len(ROWS) - run.num_done
        for row in left:
            run.write(row)
        assert run.finish() == path
    assert path.read_bytes() == whole_file
    assert [item.name for item in path.parent.iterdir()] == ["out.csv"]


def test_other_settings_do_not_mix(tmp_path):
    path = tmp_path / "out.csv"
    with CsvRun(path, class_names=CLASS_NAMES, settings={"model": "m"}) as run:
        run.write(ROWS[0])
    with pytest.raises(MoueError, match="other settings"):
        CsvRun(path, class_names=CLASS_NAMES, settings={"model": "n"})
    with CsvRun(path, class_names=CLASS_NAMES, settings={"model": "n"}, overwrite=True) as run:
        assert run.num_done == 0
        run.finish()
    assert len(read(path)) == 0
    with pytest.raises(MoueError, match="already exists"):
        CsvRun(path, class_names=CLASS_NAMES, settings={})


def test_overwrite_resumes_if_the_rows_fit_and_starts_over_otherwise(tmp_path):
    path = tmp_path / "out.csv"

    def begin():
        return CsvRun(path, class_names=CLASS_NAMES, settings={}, overwrite=True)

    with begin() as run:
        run.write(ROWS[0])
        run.begin_drawing(tmp_path / "sub" / ".." / "a.jpg")
    with begin() as run:
        assert run.num_done == 1
        assert run.was_drawing(tmp_path / "a.jpg")
        assert not run.was_drawing(tmp_path / "b.jpg")
    for damage in ("[]", "{", '{"size": "x"}'):
        (tmp_path / "out.csv.part.journal").write_text(damage)
        with pytest.raises(MoueError, match="journal"):
            CsvRun(path, class_names=CLASS_NAMES, settings={})
        with begin() as run:
            assert (run.num_done, run.was_drawing(tmp_path / "a.jpg")) == (0, False)
            run.write(ROWS[0])
    path.write_text("old")
    with begin() as run:
        run.finish()
    assert len(read(path)) == 2
    assert [item.name for item in tmp_path.iterdir()] == ["out.csv"]


def test_a_long_run_is_resumed_row_by_row(tmp_path):
    path, num = tmp_path / "out.csv", 3000
    with CsvRun(path, class_names=CLASS_NAMES, settings={}) as run:
        run.write(ROWS[0])
        line = run.part.read_text().splitlines()[-2]
    assert line.startswith("a.png,ok,")
    # A video of frames with one face each; all rows at once would be more than 5 MB.
    cells = next(csv.reader([line]))
    names = columns(CLASS_NAMES)
    with run.part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        for frame in range(num):
            writer.writerow(dict(zip(names, cells, strict=True), num_faces=1, frame=frame).values())
    whole_file = run.part.read_bytes()
    tracemalloc.start()
    with CsvRun(path, class_names=CLASS_NAMES, settings={}) as run:
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1e6
    assert run.num_done == 1
    assert run.part.read_bytes() == whole_file


def test_a_file_written_in_the_meantime_is_not_replaced(tmp_path, whole):
    path = tmp_path / "out.csv"
    with CsvRun(path, class_names=whole.class_names, settings={}) as run:
        run.write(whole.analyze(np.zeros((48, 48), np.uint8)))
        path.write_text("of another run")
        with pytest.raises(MoueError, match="already exists"):
            run.finish()
    assert path.read_text() == "of another run"
    assert run.part.exists()


@pytest.fixture
def analyzer(run_folder):
    return Analyzer.load(run_folder, "none")


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ((4, 4, 30, 30), r"boxes\[0\] is 4(?s:.*)boxes=\[\(x, y"),
        ([(1, 2, 3)], "four numbers"),
        (["abcd"], "four numbers"),
    ],
)
def test_invalid_boxes_are_refused(analyzer, boxes, words):
    with pytest.raises(MoueError, match=words):
        analyzer.analyze(np.zeros((48, 48), np.uint8), boxes=boxes)


@pytest.mark.parametrize("one", ["face.png", b"content", Path("face.png")])
def test_one_image_is_not_a_list_of_images(analyzer, one):
    with pytest.raises(MoueError, match=r"For one image: analyze"):
        analyzer.analyze_many(one)


@pytest.mark.parametrize(
    ("image", "fix"),
    [
        (np.zeros((9, 9, 4), np.uint8), "alpha"),
        (np.zeros((3, 9, 9), np.uint8), "Channels come last"),
        (np.zeros((9, 9, 3)), "astype"),
        (np.zeros((2, 9, 9, 3), np.uint8), "analyze_many"),
    ],
)
def test_wrong_arrays_are_refused_with_a_fix(analyzer, image, fix):
    with pytest.raises(MoueError, match=fix):
        analyzer.analyze(image)


def test_files_may_be_open_or_local_addresses(analyzer, tmp_path):
    path = tmp_path / "a face.png"
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(path)
    with path.open("rb") as file:
        opened = analyzer.analyze(file)
    assert opened.status == analyzer.analyze(path).status
    assert analyzer.analyze(path.as_uri()).width == 48
    with pytest.raises(MoueError, match="'rb'"):
        analyzer.analyze(io.StringIO("text"))
