"""Scores are compared with numbers computed by hand and with plain definitions written as loops."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from moue.errors import MoueError
from moue.evaluation.metrics import (
    NUM_BINS,
    Scores,
    confusion_matrix,
    reliability_bins,
    score,
    wilson_interval,
)
from moue.probabilities import check_predictions, normalised

NAMES = ("a", "b", "c")
Y_TRUE = np.array([0, 0, 1, 1, 2])
Y_PROB = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.4, 0.5, 0.1]])


def test_hand_worked_example():
    scores = score(Y_TRUE, Y_PROB, NAMES)
    assert scores.confusion_matrix == ((1, 1, 0), (1, 1, 0), (0, 1, 0))
    assert scores.accuracy == pytest.approx(2 / 5)
    assert scores.balanced_accuracy == pytest.approx((0.5 + 0.5 + 0) / 3)
    assert [entry.precision for entry in scores.per_class] == pytest.approx([1 / 2, 1 / 3, 0])
    assert [entry.f1 for entry in scores.per_class] == pytest.approx([0.5, 0.4, 0])
    assert scores.macro_f1 == pytest.approx(0.3)
    assert [entry.support for entry in scores.per_class] == [2, 2, 1]
    assert scores.top2 == pytest.approx(4 / 5)
    assert scores.nll == pytest.approx(-np.log([0.7, 0.3, 0.8, 0.3, 0.1]).mean())
    squared = [0.09 + 0.04 + 0.01, 0.49 + 0.36 + 0.01, 0.01 + 0.04 + 0.01, 0.25 + 0.49 + 0.04, 0.16 + 0.25 + 0.81]
    assert scores.brier == pytest.approx(np.mean(squared))
    # Bins of width 1/15: 0.5 twice (both wrong), 0.6, 0.7 and 0.8 alone.
    assert scores.ece == pytest.approx((2 * 0.5 + 0.6 + 0.3 + 0.2) / 5)


def test_a_class_that_never_occurs_counts_nowhere():
    scores = score([0, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], NAMES)
    assert scores.per_class[2].support == 0
    assert (scores.per_class[2].precision, scores.per_class[2].recall, scores.per_class[2].f1) == (0.0, 0.0, 0.0)
    assert scores.balanced_accuracy == scores.macro_f1 == scores.accuracy == 1.0


def test_a_class_that_is_only_predicted_lowers_macro_f1():
    scores = score([0, 1], [[0.9, 0.1, 0.0], [0.0, 0.1, 0.9]], NAMES)
    assert scores.macro_f1 == pytest.approx((1 + 0 + 0) / 3)
    assert scores.balanced_accuracy == pytest.approx((1 + 0) / 2)


def test_a_certain_mistake_costs_as_much_as_in_keras():
    assert score([1], [[1.0, 0.0]], ("a", "b")).nll == pytest.approx(-math.log(1e-7))


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [(81, 263, (0.2553, 0.3662)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0))],
)
def test_wilson_interval(successes, trials, interval):
    # 81 of 263: Newcombe 1998, table I, method 3.
    assert wilson_interval(successes, trials) == pytest.approx(interval, abs=5e-5)


def test_bins_hold_each_face_once_and_include_their_upper_edge():
    y_prob = np.array([[1.0, 0.0], [0.6, 0.4], [0.5, 0.5]])
    bins = reliability_bins(np.array([0, 1, 0]), y_prob)
    assert len(bins) == NUM_BINS
    assert {k: entry.count for k, entry in enumerate(bins) if entry.count} == {14: 1, 8: 1, 7: 1}
    assert (bins[14].accuracy, bins[14].confidence, bins[8].accuracy) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("y_true", "y_prob", "message"),
    [
        ([], np.zeros((0, 3)), "nothing to score"),
        ([0, 1], [[0.5, 0.3, 0.2]], "1 rows of probabilities for 2 labels"),
        ([[1, 0, 0]], [[0.5, 0.3, 0.2]], "one-hot"),
        ([0.0], [[0.5, 0.3, 0.2]], "integer labels"),
        ([3], [[0.5, 0.3, 0.2]], "labels from 3 to 3"),
        ([-1], [[0.5, 0.3, 0.2]], "labels from -1"),
        ([0], [0.5, 0.3, 0.2], "float64 (3,)"),
        ([0], [[1, 0, 0]], "int64 (1, 3)"),
        ([0], [[math.nan, 0.3, 0.2]], "not finite"),
        ([0], [[math.inf, 0.3, 0.2]], "not finite"),
        ([0], [[2.0, 1.0, -3.0]], "softmax"),
        ([0], [[1.2, -0.1, -0.1]], "softmax"),
        ([0], [[0.5, 0.5]], "2 probabilities per face"),
        ([0], [[1.0]], "K of 2 or more"),
    ],
)
def test_wrong_input_is_refused(y_true, y_prob, message):
    with pytest.raises(MoueError) as error:
        score(np.array(y_true), np.array(y_prob), NAMES)
    assert message in str(error.value)


def test_half_precision_and_small_labels_are_accepted():
    labels, probabilities = check_predictions(Y_TRUE.astype(np.uint8), Y_PROB.astype(np.float16))
    assert labels.dtype == np.int64
    assert probabilities.sum(axis=1) == pytest.approx(1.0, abs=1e-12)


def test_scores_survive_a_round_trip_through_json():
    scores = score(Y_TRUE, Y_PROB, NAMES)
    assert Scores.from_dict(json.loads(json.dumps(scores.to_dict()))) == scores


@pytest.mark.parametrize("change", [{"accuracy": "high"}, {"bins": 3}, {"per_class": [{"name": "a"}]}])
def test_from_dict_refuses_other_content(change):
    with pytest.raises(MoueError, match="not moue's scores"):
        Scores.from_dict(score(Y_TRUE, Y_PROB, NAMES).to_dict() | change)
    with pytest.raises(MoueError, match="not moue's scores"):
        Scores.from_dict({})


@given(
    st.integers(2, 8).flatmap(
        lambda k: st.tuples(
            hnp.arrays(np.float64, st.tuples(st.integers(1, 30), st.just(k)), elements=st.floats(0.0, 1.0)),
            st.integers(0, 2**32 - 1),
        )
    )
)
def test_every_figure_is_a_finite_number_in_its_range(drawn):
    raw, seed = drawn
    y_prob = (raw + 1e-6) / (raw + 1e-6).sum(axis=1, keepdims=True)
    size, classes = y_prob.shape
    y_true = np.random.default_rng(seed).integers(0, classes, size)
    scores = score(y_true, y_prob, [str(k) for k in range(classes)])
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "top2", "ece"):
        assert 0.0 <= getattr(scores, name) <= 1.0
    assert 0.0 <= scores.brier <= 2.0
    assert 0.0 <= scores.nll <= -math.log(1e-7)
    low, high = scores.accuracy_interval
    assert low - 1e-12 <= scores.accuracy <= high + 1e-12
    assert scores.top2 >= scores.accuracy
    assert scores.num_faces == size == sum(map(sum, scores.confusion_matrix)) == sum(b.count for b in scores.bins)
    expected = [[int(((y_true == i) & (y_prob.argmax(1) == j)).sum()) for j in range(classes)] for i in range(classes)]
    assert confusion_matrix(y_true, y_prob.argmax(1), classes).tolist() == expected


def test_normalised_rows_sum_to_one_even_from_zeros():
    rows = np.array([[1.0, 3.0], [0.0, 0.0], [1e-30, 3e-30]])
    np.testing.assert_allclose(normalised(rows), [[0.25, 0.75], [0.5, 0.5], [0.25, 0.75]])
