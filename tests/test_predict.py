"""Files to rows, and rows to tables."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

import onnx_model
from moue.errors import MoueError
from moue.inference.classifier import Classifier
from moue.inference.images import ImageLimits, Status
from moue.inference.predict import FacePrediction, predict_files
from moue.inference.tables import check_output, write_predictions
from moue.labels import CLASS_NAMES

CHANCES = dict(zip(CLASS_NAMES, [0.05, 0.0, 0.05, 0.6, 0.1, 0.1, 0.1], strict=True))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Classifier.load(onnx_model.save_run(tmp_path_factory.mktemp("run"), temperature=1.5), threads=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(3)
    Image.fromarray(rng.integers(0, 256, (90, 70, 3), dtype=np.uint8)).save(folder / "color.png")
    Image.fromarray(rng.integers(0, 256, (48, 48), dtype=np.uint8)).save(folder / "gray.png")
    Image.fromarray(rng.integers(0, 256, (20, 20), dtype=np.uint8)).save(folder / "été.webp", lossless=True)
    Image.new("RGB", (900, 800)).save(folder / "large.png")
    (folder / "empty.jpg").touch()
    (folder / "text.jpg").write_text("no picture")
    return folder


NAMES = ["text.jpg", "color.png", "empty.jpg", "missing.png", "gray.png", "été.webp", "large.png", ".", "color.png"]
STATUSES = ["unreadable", "ok", "empty", "not_found", "ok", "ok", "too_large", "unsupported", "ok"]


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_one_row_for_each_file_in_order(model, folder, batch_size):
    paths = [folder / name for name in NAMES]
    limits = ImageLimits(max_pixels=500_000)
    rows = list(predict_files(paths, model, batch_size=batch_size, limits=limits))
    assert [row.file for row in rows] == [str(path) for path in paths]
    assert [row.status for row in rows] == STATUSES
    for row in rows:
        if row.status != "ok":
            assert (row.emotion, row.confidence, row.probabilities) == (None, None, None)
            assert row.message
            continue
        pixels = np.asarray(Image.open(row.file))
        pixels = pixels if row.file.endswith("png") else np.asarray(Image.open(row.file).convert("RGB"))
        expected = model.predict_proba(pixels)[0]
        assert tuple(row.probabilities) == CLASS_NAMES
        np.testing.assert_allclose(list(row.probabilities.values()), expected, atol=1e-6)
        assert row.emotion == CLASS_NAMES[expected.argmax()]
        assert row.confidence == max(row.probabilities.values())
    assert (rows[1].width, rows[1].height) == (70, 90)
    assert (rows[6].width, rows[6].height) == (900, 800)


def test_rows_come_while_files_are_read(model, folder):
    def paths():
        for _ in range(4):
            yield folder / "gray.png"
        raise RuntimeError("read too far")

    rows = predict_files(paths(), model, batch_size=2)
    assert [next(rows).status for _ in range(4)] == ["ok"] * 4


def test_no_files_and_wrong_arguments(model):
    assert list(predict_files([], model)) == []
    with pytest.raises(MoueError, match="batch_size"):
        predict_files([], model, batch_size=0)


def rows_to_write():
    return [
        FacePrediction('a, "b"\n.png', Status.OK, 48, 40, "happy", 0.6, CHANCES),
        FacePrediction("=HYPERLINK(1).png", Status.UNREADABLE, message="=1+1"),
        FacePrediction("-été😀.png", Status.TOO_LARGE, 9, 9, message="too, large"),
        FacePrediction("bad\udcff.png", Status.EMPTY, message="x"),
    ]


def test_csv(tmp_path):
    path = tmp_path / "out.csv"
    assert write_predictions(iter(rows_to_write()), path, class_names=CLASS_NAMES) == 4
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    chances = [f"prob_{name}" for name in CLASS_NAMES]
    assert list(rows[0]) == ["file", "status", "width", "height", "emotion", "confidence", *chances, "message"]
    assert rows[0]["file"] == 'a, "b"\n.png'
    assert (rows[0]["emotion"], rows[0]["confidence"], rows[0]["width"]) == ("happy", "0.600000", "48")
    assert [float(rows[0][name]) for name in chances] == list(CHANCES.values())
    assert rows[1]["file"] == "./=HYPERLINK(1).png"
    assert rows[1]["message"] == "'=1+1"
    assert (rows[1]["prob_sad"], rows[1]["width"], rows[1]["confidence"]) == ("", "", "")
    assert rows[2]["file"] == "./-été😀.png"
    assert rows[3]["file"] == "bad\\udcff.png"


def test_json_and_lines_hold_the_same(tmp_path):
    expected = [row.to_dict() for row in rows_to_write()]
    write_predictions(rows_to_write(), tmp_path / "out.json", class_names=CLASS_NAMES)
    write_predictions(rows_to_write(), tmp_path / "out.JSONL", class_names=CLASS_NAMES)
    content = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert content["format"] == "moue-predictions"
    assert content["class_names"] == list(CLASS_NAMES)
    assert content["predictions"] == expected
    lines = (tmp_path / "out.JSONL").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == expected
    assert expected[0]["status"] == "ok"
    assert expected[1]["probabilities"] is None


def test_a_run_can_be_written_as_it_goes(model, folder, tmp_path):
    rows = predict_files([folder / name for name in NAMES], model)
    assert write_predictions(rows, tmp_path / "out.csv", class_names=model.class_names()) == len(NAMES)


@pytest.mark.parametrize("name", ["out.txt", "out", "out.csv.gz", ".csv"])
def test_unknown_suffixes_list_the_known_ones(tmp_path, name):
    with pytest.raises(MoueError, match=r"\.csv, \.json, \.jsonl"):
        write_predictions([], tmp_path / name, class_names=CLASS_NAMES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".json", ".jsonl"])
def test_an_existing_file_stays_unless_told_otherwise(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    path.write_text("mine")

    def never():
        raise RuntimeError("was read")
        yield

    with pytest.raises(MoueError, match="exists already"):
        write_predictions(never(), path, class_names=CLASS_NAMES)
    with pytest.raises(RuntimeError):
        write_predictions(never(), path, class_names=CLASS_NAMES, overwrite=True)
    assert path.read_text() == "mine"
    assert check_output(path, overwrite=True) == path
    assert write_predictions([], path, class_names=CLASS_NAMES, overwrite=True) == 0
    assert path.read_text() != "mine"
    assert [item.name for item in tmp_path.iterdir()] == [path.name]
