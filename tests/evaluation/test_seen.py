"""Which of the scored faces a model has seen: the counts, and the warning wherever scores are shown."""

import dataclasses

import numpy as np
import pytest

from helpers.data import make_dataset
from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.classifier.spec import OTHERS, STARTED_FROM, ModelSpec
from moue.data.load import load_dataset
from moue.data.write import write_csv
from moue.evaluation.evaluate import evaluate
from moue.evaluation.evaluation import Evaluation
from moue.evaluation.report import write_report
from moue.evaluation.seen import Seen
from moue.files import read_json


def make_classifier(folder, data):
    """Return a model whose description states this training data."""
    spec = ModelSpec.load(save_run(folder) / "model.json")
    dataclasses.replace(spec, data=data).save(folder / "model.json", overwrite=True)
    return Classifier.load(folder)


@pytest.mark.parametrize(
    ("split", "expected"),
    [("all", (30, 18, 6)), ("train", (18, 18, 0)), ("val", (6, 0, 6)), ("test", (6, 0, 0))],
)
def test_seen_training_and_validation_faces_are_counted(tmp_path, dataset, split, expected):
    result = evaluate(make_classifier(tmp_path / "run", {"checksum": dataset.checksum}), dataset, split=split)
    assert dataclasses.astuple(result.seen) == (*expected, 0)
    assert (result.temperature is None) == (split == "all")


def test_faces_of_earlier_models_of_the_expression_and_of_members_count_too(tmp_path, dataset):
    other, mine = make_dataset(seed=1), {"checksum": "0" * 64}
    finetuned = make_classifier(tmp_path / "a", mine | {STARTED_FROM: {STARTED_FROM: {"checksum": dataset.checksum}}})
    assert evaluate(finetuned, dataset, split="all").seen == Seen(30, 18, 6, 0)
    fitted = make_classifier(tmp_path / "b", mine | {OTHERS: {"checksum": dataset.checksum}})
    assert evaluate(fitted, dataset, split="all").seen == Seen(30, 0, 0, 30)
    assert evaluate(fitted, dataset, split="test").seen == Seen(6, 0, 0, 6)
    assert evaluate(Ensemble([fitted, finetuned]), dataset, split="all").seen == Seen(30, 18, 6, 6)
    assert evaluate(finetuned, other, split="all").seen == Seen(30, 0, 0, 0)
    assert evaluate(lambda images: np.full((len(images), 7), 1 / 7), dataset).seen is None


def test_leaving_out_faces_does_not_hide_the_origin_of_the_rest(tmp_path, dataset):
    kept = dataset.take(dataset.labels != 3)
    classifier = make_classifier(tmp_path / "run", {"checksum": dataset.checksum})
    part = dataclasses.replace(kept, part_of=dataset.checksum)
    assert evaluate(classifier, part, split="all").seen.trained == len(kept.where("train"))


@pytest.mark.parametrize(
    ("seen", "warning"),
    [
        (
            Seen(36, 22, 7, 0),
            "22 of these 36 faces were trained on, 7 chose the epoch and the temperature; the accuracy is optimistic",
        ),
        (Seen(285, 0, 0, 285), "expression was fitted to all 285 faces; its accuracy is optimistic"),
        (Seen(3589, 0, 3589, 0), "all 3,589 faces chose the epoch and the temperature; the accuracy is optimistic"),
        (Seen(3, 1, 0, 2), "1 of these 3 faces was trained on, expression was fitted to 2; the accuracy is optimistic"),
        (Seen(36, 0, 0, 0), ""),
    ],
)
def test_the_warning_is_one_line(seen, warning):
    assert seen.warning() == warning


def test_the_command_the_file_and_the_page_warn(tmp_path, moue, dataset):
    write_csv(dataset, tmp_path / "own.csv")
    read = load_dataset(tmp_path / "own.csv")
    make_classifier(tmp_path / "run", {"checksum": read.checksum})
    arguments = ("evaluate", tmp_path / "run", tmp_path / "own.csv", "--split", "all", "--out", tmp_path / "scores")
    code, stdout, stderr = moue(*arguments)
    warning = "18 of these 30 faces were trained on, 6 chose the epoch and the temperature; the accuracy is optimistic"
    assert (code, stderr.count(warning)) == (0, 1)
    assert "\nall faces " in stdout
    assert "calibrated on val" not in stderr
    assert read_json(tmp_path / "scores" / "evaluation.json")["seen"]["told"] == warning
    assert Evaluation.load(tmp_path / "scores").seen == Seen(30, 18, 6, 0)
    model = tmp_path / "run" / "model.onnx"
    page = write_report(model, tmp_path / "page.html", evaluations=[tmp_path / "scores"]).read_text()
    assert warning in page
    assert "all 30 faces, 1 view (single) each" in page
    assert "none were held out to check a temperature" in page
    assert "all faces<br>" in page


def test_chance_counts_only_the_classes_in_the_data(tmp_path, run_folder):
    six = make_dataset(labels=(np.arange(30) % 6).astype(np.uint8))
    evaluate(Classifier.load(run_folder), six, split="all").save(tmp_path / "scores")
    page = write_report(run_folder / "model.onnx", tmp_path / "page.html", evaluations=[tmp_path / "scores"])
    assert "chance is 16.7\N{NO-BREAK SPACE}% for the 6 classes in the data" in page.read_text()
