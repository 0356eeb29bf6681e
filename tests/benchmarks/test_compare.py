"""benchmarks/compare: scores of peers' predictions, and the reports of failed peers."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.data import make_dataset
from moue.labels import CLASS_NAMES

FOLDER = Path(__file__).parents[2] / "benchmarks" / "compare"


@pytest.fixture(scope="module")
def compare():
    """The modules run and scoring."""
    sys.path.insert(0, str(FOLDER))
    try:
        import run
        import scoring

        yield run, scoring
    finally:
        sys.path.remove(str(FOLDER))
        for name in ("run", "scoring", "tables"):
            sys.modules.pop(name, None)


def test_predictions_are_matched_by_name_and_sum_to_one(compare):
    _, scoring = compare
    y_prob = scoring.probabilities({"happiness": 0.4, "Anger": 0.4, "contempt": 0.2, "fearful": 0.0})
    assert y_prob[CLASS_NAMES.index("happy")] == y_prob[CLASS_NAMES.index("angry")] == pytest.approx(0.5)
    assert scoring.probabilities({}) is None
    assert scoring.probabilities({"contempt": 1.0}) is None


def test_a_face_without_a_prediction_is_wrong(compare):
    _, scoring = compare
    labels = np.array([0, 3, 3, 3])
    twins = np.array([-1, 3, 3, 3])
    sets = scoring.Sets(np.zeros((4, 48, 48, 1), np.uint8), {"label": labels, "no twins": twins}, 4)
    predictions = [{"angry": 1.0}, {"happy": 0.9, "sad": 0.1}, {"sad": 1.0}, {}]
    scores = scoring.score_faces(predictions, sets)
    assert scores["label"]["accuracy"] == 0.5
    assert scores["label"]["mean_recall"] == pytest.approx((1 + 1 / 3) / 2)
    assert (scores["label"]["faces"], scores["label"]["answered"]) == (4, 3)
    assert scores["label"]["ece"] == pytest.approx((0.1 + 1) / 3)  # confidence 0.9 and right, 1.0 and wrong
    assert scores["no twins"]["accuracy"] == pytest.approx(1 / 3)


def test_boxes_and_clear_expressions_of_photos(compare):
    _, scoring = compare
    entry = {
        "faces": [
            {"box": [0, 0, 10, 10], "expression": "happy"},
            {"box": [50, 0, 10, 10], "expression": "sad"},
            {"box": [0, 50, 10, 10], "expression": "unclear"},
        ]
    }
    prediction = [([1, 0, 10, 10], {"happy": 1.0}), ([200, 0, 5, 5], {"sad": 1.0}), ([0, 50, 10, 10], {"sad": 1.0})]
    scores = scoring.score_photos([prediction], [entry])
    assert scores == {"faces": 3, "found": 2, "false": 1, "clear": 2, "right": 1, "mean_recall": 0.5}
    assert scoring.score_photos([None], [entry]) is None


def test_peers_that_fail_are_listed_with_their_error(compare, tmp_path):
    run, scoring = compare
    data = make_dataset(30, votes=np.ones((30, 10), np.uint8))
    Image.fromarray(np.full((40, 60), 90, np.uint8)).save(tmp_path / "photo.png")
    entries = [{"file": str(tmp_path / "photo.png"), "faces": []}]
    task = run.make_task(tmp_path, scoring.Sets.of(data, 2), entries)
    peers = {"broken": "raise ValueError('no weights')", "slow": "import time; time.sleep(60)", "mute": "pass"}
    for name, code in peers.items():
        (tmp_path / f"with_{name}.py").write_text(code, encoding="utf-8")
    choices = run.Choices(dict.fromkeys(peers, sys.executable), "", 60.0)
    short_limit = dataclasses.replace(choices, limit_s=0.1)
    errors = {
        name: run.run_peer(name, tmp_path / f"with_{name}.py", task, short_limit if name == "slow" else choices)[
            "error"
        ]
        for name in peers
    }
    assert errors["broken"] == "ValueError: no weights"
    assert errors["slow"].startswith("TimeoutExpired")
    assert errors["mute"] == "ended with 0"
    assert "not installed" in run.run_peer("other", tmp_path / "with_other.py", task, choices)["error"]
    assert "not installed" in run.run_peer("human", FOLDER / "peers" / "with_human.cjs", task, choices)["error"]


def test_every_peer_has_a_name_in_the_table(compare):
    run, _ = compare
    import tables

    assert set(run.list_peers()) == set(tables.NAMES)
