"""`measure_robustness` on models with known predictions, its parts on known values, and saving and showing results."""

import dataclasses
import json

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.errors import MoueError
from moue.evaluation import canvas, robustness_figures
from moue.evaluation.corruption_errors import Reference, mean_corruption_error, read_references
from moue.evaluation.corruptions import list_corruptions
from moue.evaluation.evaluate import evaluate
from moue.evaluation.evaluation import Evaluation
from moue.evaluation.measure_robustness import measure_robustness
from moue.evaluation.report import write_report
from moue.evaluation.robustness import Robustness
from moue.evaluation.robustness_table import robustness_lines
from moue.evaluation.selective import selective_scores
from moue.evaluation.slices import pixel_measures, slice_scores
from moue.evaluation.voters import compare_with_voters
from moue.labels import FERPLUS_NAMES


def probabilities(labels, share=0.9):
    return (np.eye(7) * (share - (1 - share) / 6) + (1 - share) / 6)[labels].astype(np.float32)


def by_brightness(images):
    """A model that uses only the brightness of the left half of a face."""
    return probabilities(np.clip(images[:, :, :24].mean(axis=(1, 2, 3)) // 37, 0, 6).astype(int))


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    made = make_dataset(60)
    images = np.clip(rng.normal(0, 4, (60, 48, 48, 1)) + 18 + 36.5 * made.labels[:, None, None, None], 0, 255)
    votes = np.zeros((60, 10), np.uint8)
    votes[:, 0] = 10
    return dataclasses.replace(made, images=images.astype(np.uint8), votes=votes)


@pytest.fixture(scope="module")
def result(dataset):
    return measure_robustness(by_brightness, dataset, split="train", measures={"size": np.arange(36) % 5 + 0.0})


def test_a_model_that_uses_only_brightness(result):
    errors = {entry.corruption: entry.errors for entry in result.corruptions}
    assert list(errors) == list(list_corruptions())
    assert result.clean == {"output": 0.0}
    for name in ("blur", "contrast", "jpeg", "rotation", "shift", "pixelate"):
        assert max(errors[name]) < 0.1, name
    assert errors["brightness"][0] > 0.2
    assert errors["brightness"][4] > 0.6
    assert result.mirror[0].same == 1.0
    assert result.mirror[0].distance == pytest.approx(0, abs=1e-6)
    assert result.mean_error["output"] == pytest.approx(np.mean([entry.errors for entry in result.corruptions]))
    assert (result.mce, result.reference) == (None, "")


def test_progress_ends_at_the_total(dataset):
    steps = []
    measure_robustness(by_brightness, dataset, split="val", progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (12 * 57, 12 * 57)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_an_empty_split_is_refused(dataset):
    with pytest.raises(MoueError, match="no test faces"):
        measure_robustness(by_brightness, dataset.subset("train"))


@pytest.mark.slow
def test_it_is_saved_with_the_evaluation_and_shown(dataset, result, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "_DPI", 16)  # faster to draw
    evaluation = dataclasses.replace(evaluate(by_brightness, dataset, split="train"), robustness=result)
    evaluation.save(tmp_path / "saved")
    again = Evaluation.load(tmp_path / "saved")
    assert again.robustness == result
    assert Robustness.from_dict(json.loads(json.dumps(result.to_dict()))) == result
    text = robustness_lines(again.robustness)
    assert all(name in text for name in (*list_corruptions(), "mirrored", "brightness", "AURC", "nats"))
    assert max(map(len, text.splitlines())) <= 80
    page = write_report("small", tmp_path / "page.html", evaluations=[tmp_path / "saved"]).read_text(encoding="utf-8")
    assert "<h2>Robustness</h2>" in page
    assert "<picture><source" in page


def test_a_missing_field_is_refused():
    with pytest.raises(MoueError, match="not a Robustness of moue"):
        Robustness.from_dict({"seed": 0})


def test_mean_corruption_error_is_relative():
    errors = dict.fromkeys(list_corruptions(), (0.2, 0.2, 0.2, 0.2, 0.2))
    reference = Reference("r", "c", "sum", "test", 0.3, dict.fromkeys(list_corruptions(), (0.4,) * 5))
    assert mean_corruption_error(errors, reference) == pytest.approx(0.5)
    assert mean_corruption_error(errors, reference, clean=0.15) == pytest.approx(0.05 / 0.1)


def test_the_references_are_complete():
    for reference in read_references():
        assert set(reference.errors) == set(list_corruptions())
        assert all(len(errors) == 5 for errors in reference.errors.values())


def test_slices_cover_all_faces_and_count_correct_ones():
    made = make_dataset(200)
    correct = np.arange(200) % 2 == 0
    values = np.where(np.arange(200) < 80, np.arange(200.0), np.nan)
    slices = slice_scores(made, correct, twins=np.arange(200) < 50, measures={"score": values})
    by_measure = {}
    for entry in slices:
        by_measure.setdefault(entry.measure, []).append(entry)
    assert {name: sum(entry.num_faces for entry in parts) for name, parts in by_measure.items()} == dict.fromkeys(
        ("twins", "brightness", "contrast", "sharpness", "score"), 200
    )
    assert [entry.num_faces for entry in by_measure["score"]] == [20, 20, 20, 20, 120]
    assert by_measure["twins"][0].accuracy == 0.5
    assert by_measure["twins"][0].low == pytest.approx(0.3664, abs=1e-3)  # Wilson, 25 of 50


def test_slices_by_agreement_of_voters():
    made = make_dataset(90)
    votes = np.zeros((90, 10), np.uint8)
    votes[:30, 0], votes[30:, 0], votes[30:, 1] = 10, 6, 4
    slices = slice_scores(dataclasses.replace(made, votes=votes), np.arange(90) < 30)
    voted = [
        (entry.part, entry.num_faces, entry.accuracy) for entry in slices if entry.measure == "agreement of voters"
    ]
    assert voted == [("6 to 7 of 10", 60, 0.0), ("10 of 10", 30, 1.0)]


def test_pixel_measures_of_known_images():
    checks = np.indices((48, 48)).sum(axis=0) % 2 * 200
    measured = pixel_measures(np.stack([np.full((48, 48), 90), checks]).astype(np.uint8)[..., None])
    assert measured["brightness"].tolist() == [90, 100]
    assert measured["contrast"].tolist() == [0, 100]
    assert measured["sharpness"].tolist() == [0, 8]  # the Laplacian is ±800


def test_risk_coverage_of_five_predictions():
    y_prob = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6], [0.45, 0.55]])
    every, first, second = selective_scores(np.array([0, 0, 1, 1, 0]), y_prob, ("a", "b"), 0.6)
    assert (every.num_faces, every.accuracy, every.sure_share, every.sure_accuracy) == (5, 0.6, 0.8, 0.75)
    assert every.area == pytest.approx(1 - np.mean([1, 1, 2 / 3, 3 / 4, 3 / 5]))
    assert every.curve[-1] == 0.6
    assert (first.output, first.num_faces, first.accuracy) == ("a", 3, pytest.approx(2 / 3))
    assert (second.output, second.sure_share, second.sure_accuracy) == ("b", 0.5, 1.0)


def test_divergence_from_the_voters():
    votes = np.zeros((2, 10), np.uint8)
    votes[:, 0], votes[0, 1] = 5, 5
    names = FERPLUS_NAMES[:2]
    result = compare_with_voters(votes, np.array([[0.5, 0.5], [0.5, 0.5]]), names, "x")
    assert result.divergence == pytest.approx(np.log(2) / 2)
    mean = np.array([0.75, 0.25])
    always = (0.5 * np.log(0.5 / mean).sum() + np.log(1 / 0.75)) / 2
    assert result.always == pytest.approx(always)
    assert result.shared == 0.75
    assert result.people_share == pytest.approx((40 / 90 + 1) / 2)
    assert result.top_shared == 0.75
    assert compare_with_voters(votes, np.full((2, 2), 0.5), ("happy", "tired"), "x") is None


def test_figures_have_the_right_number_of_panels(result):
    assert len(robustness_figures.corruptions_figure(result).axes) == 12
    assert len(robustness_figures.selective_figure(result).axes) == len(result.selective)
    assert len(robustness_figures.slices_figure(result.slices).axes) == 1


def test_the_command_measures_robustness(moue, run_folder, tmp_path):
    assert moue("data", "synth", tmp_path / "faces.csv", "--per-class", 5)[0] == 0
    code, out, _ = moue("evaluate", run_folder, tmp_path / "faces.csv", "--robustness", "--out", tmp_path / "saved")
    assert code == 0
    assert "accuracy at strength" in out
    assert max(map(len, out.splitlines())) <= 80
    assert Evaluation.load(tmp_path / "saved").robustness is not None
