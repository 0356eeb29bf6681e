"""Which of the scored faces a network knew before, counted, and said on every way to the reader."""

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


def known(folder, data):
    """Return a network whose description says so of its data."""
    spec = ModelSpec.load(save_run(folder) / "model.json")
    dataclasses.replace(spec, data=data).save(folder / "model.json", overwrite=True)
    return Classifier.load(folder)


@pytest.mark.parametrize(
    ("split", "expected"),
    [("all", (30, 18, 6)), ("train", (18, 18, 0)), ("val", (6, 0, 6)), ("test", (6, 0, 0))],
)
def test_the_faces_of_the_training_are_counted_exactly(tmp_path, dataset, split, expected):
    result = evaluate(known(tmp_path / "run", {"checksum": dataset.checksum}), dataset, split=split)
    assert dataclasses.astuple(result.seen) == (*expected, 0)
    assert (result.temperature is None) == (split == "all")


def test_faces_of_earlier_networks_of_the_answer_and_of_members_count_too(tmp_path, dataset):
    other, mine = make_dataset(seed=1), {"checksum": "0" * 64}
    grown = known(tmp_path / "a", mine | {STARTED_FROM: {STARTED_FROM: {"checksum": dataset.checksum}}})
    assert evaluate(grown, dataset, split="all").seen == Seen(30, 18, 6, 0)
    fitted = known(tmp_path / "b", mine | {OTHERS: {"checksum": dataset.checksum}})
    assert evaluate(fitted, dataset, split="all").seen == Seen(30, 0, 0, 30)
    assert evaluate(fitted, dataset, split="test").seen == Seen(6, 0, 0, 6)
    assert evaluate(Ensemble([fitted, grown]), dataset, split="all").seen == Seen(30, 18, 6, 6)
    assert evaluate(grown, other, split="all").seen == Seen(30, 0, 0, 0)
    assert evaluate(lambda images: np.full((len(images), 7), 1 / 7), dataset).seen is None


def test_what_was_left_out_does_not_hide_where_the_rest_comes_from(tmp_path, dataset):
    kept = dataset.take(dataset.labels != 3)
    network = known(tmp_path / "run", {"checksum": dataset.checksum})
    part = dataclasses.replace(kept, part_of=dataset.checksum)
    assert evaluate(network, part, split="all").seen.trained == len(kept.where("train"))


@pytest.mark.parametrize(
    ("seen", "told"),
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
def test_what_was_seen_is_told_in_one_line(seen, told):
    assert seen.told() == told


def test_the_command_the_file_and_the_page_say_it(tmp_path, moue, dataset):
    write_csv(dataset, tmp_path / "own.csv")
    read = load_dataset(tmp_path / "own.csv")
    known(tmp_path / "run", {"checksum": read.checksum})
    arguments = ("evaluate", tmp_path / "run", tmp_path / "own.csv", "--split", "all", "--out", tmp_path / "scores")
    code, printed, said = moue(*arguments)
    told = "18 of these 30 faces were trained on, 6 chose the epoch and the temperature; the accuracy is optimistic"
    assert (code, said.count(told)) == (0, 1)
    assert "\nall faces " in printed
    assert "calibrated on val" not in said
    assert read_json(tmp_path / "scores" / "evaluation.json")["seen"]["told"] == told
    assert Evaluation.load(tmp_path / "scores").seen == Seen(30, 18, 6, 0)
    network = tmp_path / "run" / "model.onnx"
    page = write_report(network, tmp_path / "page.html", evaluations=[tmp_path / "scores"]).read_text()
    assert told in page
    assert "all 30 faces, 1 view (single) each" in page
    assert "none were held out to check a temperature" in page
    assert "all faces<br>" in page


def test_chance_is_that_of_the_classes_that_are_there(tmp_path, run_folder):
    six = make_dataset(labels=(np.arange(30) % 6).astype(np.uint8))
    evaluate(Classifier.load(run_folder), six, split="all").save(tmp_path / "scores")
    page = write_report(run_folder / "model.onnx", tmp_path / "page.html", evaluations=[tmp_path / "scores"])
    assert "chance is 16.7\N{NO-BREAK SPACE}% for the 6 classes in the data" in page.read_text()
