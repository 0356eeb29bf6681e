"""`measure_robustness` on models whose answers are known, its parts with right values, and how it is kept and shown."""

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


def answers(labels, share=0.9):
    return (np.eye(7) * (share - (1 - share) / 6) + (1 - share) / 6)[labels].astype(np.float32)


def by_brightness(images):
    """A model that knows only how bright the left half of a face is."""
    return answers(np.clip(images[:, :, :24].mean(axis=(1, 2, 3)) // 37, 0, 6).astype(int))


@pytest.fixture(scope="module")
def dataset():
    rng = np.random.default_rng(0)
    made = make_dataset(60)
    images = np.clip(rng.normal(0, 4, (60, 48, 48, 1)) + 18 + 36.5 * made.labels[:, None, None, None], 0, 255)
    votes = np.zeros((60, 10), np.uint8)
    votes[:, 0] = 10
    return dataclasses.replace(made, images=images.astype(np.uint8), votes=votes)


@pytest.fixture(scope="module")
def found(dataset):
    return measure_robustness(by_brightness, dataset, split="train", measures={"size": np.arange(36) % 5 + 0.0})


def test_answers_that_depend_on_brightness_alone(found):
    errors = {one.corruption: one.errors for one in found.corruptions}
    assert list(errors) == list(list_corruptions())
    assert found.clean == {"output": 0.0}
    for name in ("blur", "contrast", "jpeg", "rotation", "shift", "pixelate"):
        assert max(errors[name]) < 0.1, name
    assert errors["brightness"][0] > 0.2
    assert errors["brightness"][4] > 0.6
    assert found.mirror[0].same == 1.0
    assert found.mirror[0].distance == pytest.approx(0, abs=1e-6)
    assert found.mean_error["output"] == pytest.approx(np.mean([one.errors for one in found.corruptions]))
    assert (found.mce, found.reference) == (None, "")


def test_progress_ends_at_all_faces(dataset):
    steps = []
    measure_robustness(by_brightness, dataset, split="val", progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (12 * 57, 12 * 57)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_an_empty_split_is_refused(dataset):
    with pytest.raises(MoueError, match="no test faces"):
        measure_robustness(by_brightness, dataset.subset("train"))


@pytest.mark.slow
def test_it_is_kept_with_the_evaluation_and_shown(dataset, found, tmp_path, monkeypatch):
    monkeypatch.setattr(canvas, "_DPI", 16)  # drawn in a moment
    evaluation = dataclasses.replace(evaluate(by_brightness, dataset, split="train"), robustness=found)
    evaluation.save(tmp_path / "kept")
    again = Evaluation.load(tmp_path / "kept")
    assert again.robustness == found
    assert Robustness.from_dict(json.loads(json.dumps(found.to_dict()))) == found
    text = robustness_lines(again.robustness)
    assert all(name in text for name in (*list_corruptions(), "mirrored", "brightness", "AURC", "nats"))
    assert max(map(len, text.splitlines())) <= 80
    page = write_report("small", tmp_path / "page.html", evaluations=[tmp_path / "kept"]).read_text(encoding="utf-8")
    assert "<h2>Robustness</h2>" in page
    assert "<picture><source" in page


def test_a_wrong_field_is_named():
    with pytest.raises(MoueError, match="no Robustness of moue"):
        Robustness.from_dict({"seed": 0})


def test_mean_corruption_error_is_relative():
    errors = dict.fromkeys(list_corruptions(), (0.2, 0.2, 0.2, 0.2, 0.2))
    reference = Reference("r", "c", "sum", "test", 0.3, dict.fromkeys(list_corruptions(), (0.4,) * 5))
    assert mean_corruption_error(errors, reference) == pytest.approx(0.5)
    assert mean_corruption_error(errors, reference, clean=0.15) == pytest.approx(0.05 / 0.1)


def test_the_references_are_whole():
    for one in read_references():
        assert set(one.errors) == set(list_corruptions())
        assert all(len(errors) == 5 for errors in one.errors.values())


def test_slices_divide_all_faces_and_count_right_ones():
    made = make_dataset(200)
    right = np.arange(200) % 2 == 0
    values = np.where(np.arange(200) < 80, np.arange(200.0), np.nan)
    found = slice_scores(made, right, twins=np.arange(200) < 50, measures={"score": values})
    by_measure = {}
    for one in found:
        by_measure.setdefault(one.measure, []).append(one)
    assert {name: sum(one.num_faces for one in parts) for name, parts in by_measure.items()} == dict.fromkeys(
        ("twins", "brightness", "contrast", "sharpness", "score"), 200
    )
    assert [one.num_faces for one in by_measure["score"]] == [20, 20, 20, 20, 120]
    assert by_measure["twins"][0].accuracy == 0.5
    assert by_measure["twins"][0].low == pytest.approx(0.3664, abs=1e-3)  # Wilson, 25 of 50


def test_agreement_of_voters_makes_parts():
    made = make_dataset(90)
    votes = np.zeros((90, 10), np.uint8)
    votes[:30, 0], votes[30:, 0], votes[30:, 1] = 10, 6, 4
    found = slice_scores(dataclasses.replace(made, votes=votes), np.arange(90) < 30)
    voted = [(one.part, one.num_faces, one.accuracy) for one in found if one.measure == "agreement of voters"]
    assert voted == [("6 to 7 of 10", 60, 0.0), ("10 of 10", 30, 1.0)]


def test_pixel_measures_of_known_images():
    checks = np.indices((48, 48)).sum(axis=0) % 2 * 200
    measured = pixel_measures(np.stack([np.full((48, 48), 90), checks]).astype(np.uint8)[..., None])
    assert measured["brightness"].tolist() == [90, 100]
    assert measured["contrast"].tolist() == [0, 100]
    assert measured["sharpness"].tolist() == [0, 8]  # the Laplacian is ±800


def test_risk_coverage_of_five_answers():
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
    found = compare_with_voters(votes, np.array([[0.5, 0.5], [0.5, 0.5]]), names, "x")
    assert found.divergence == pytest.approx(np.log(2) / 2)
    mean = np.array([0.75, 0.25])
    always = (0.5 * np.log(0.5 / mean).sum() + np.log(1 / 0.75)) / 2
    assert found.always == pytest.approx(always)
    assert found.shared == 0.75
    assert found.people_share == pytest.approx((40 / 90 + 1) / 2)
    assert found.top_shared == 0.75
    assert compare_with_voters(votes, np.full((2, 2), 0.5), ("happy", "tired"), "x") is None


def test_figures_have_a_panel_each(found):
    assert len(robustness_figures.corruptions_figure(found).axes) == 12
    assert len(robustness_figures.selective_figure(found).axes) == len(found.selective)
    assert len(robustness_figures.slices_figure(found.slices).axes) == 1


def test_the_command_measures_it(moue, run_folder, tmp_path):
    assert moue("data", "synth", tmp_path / "faces.csv", "--per-class", 5)[0] == 0
    code, out, _ = moue("evaluate", run_folder, tmp_path / "faces.csv", "--robustness", "--out", tmp_path / "kept")
    assert code == 0
    assert "accuracy at strength" in out
    assert max(map(len, out.splitlines())) <= 80
    assert Evaluation.load(tmp_path / "kept").robustness is not None
