"""Temperature scaling recovers a known temperature, and does not change the predicted class."""

import math

import numpy as np
import pytest

from moue.errors import MoueError
from moue.evaluation.metrics import score
from moue.probabilities import MAX_TEMPERATURE, MIN_TEMPERATURE, apply_temperature, fit_temperature


def calibrated_sample(size: int, seed: int = 0):
    """Return labels and the probabilities they were drawn from, so that T = 1 is correct."""
    rng = np.random.default_rng(seed)
    y_prob = rng.dirichlet(np.full(7, 0.4), size).clip(1e-5)
    y_prob /= y_prob.sum(axis=1, keepdims=True)
    y_true = (y_prob.cumsum(axis=1) > rng.random((size, 1))).argmax(axis=1)
    return y_true, y_prob


@pytest.mark.parametrize("sharpness", [0.3, 0.7, 1.0, 1.8])
def test_a_known_temperature_is_recovered(sharpness):
    y_true, y_prob = calibrated_sample(20_000)
    distorted = apply_temperature(y_prob, 1 / sharpness)
    assert fit_temperature(y_true, distorted) == pytest.approx(sharpness, rel=0.05)


def test_the_fit_is_the_minimum():
    y_true, y_prob = calibrated_sample(3_000, seed=3)
    sharp = apply_temperature(y_prob, 0.5)
    best = fit_temperature(y_true, sharp)

    def loss(temperature: float) -> float:
        return -float(np.log(apply_temperature(sharp, temperature)[np.arange(len(y_true)), y_true]).mean())

    assert all(loss(best) <= loss(best * factor) for factor in (0.9, 0.99, 0.999, 1.001, 1.01, 1.1))
    before, after = score(y_true, sharp), score(y_true, apply_temperature(sharp, best))
    assert after.ece < before.ece / 3
    assert after.accuracy == before.accuracy


def test_ends_of_the_range():
    y_prob = np.full((50, 3), 0.1) + 0.7 * np.eye(3)[np.arange(50) % 3]
    assert fit_temperature(np.arange(50) % 3, y_prob) == pytest.approx(MIN_TEMPERATURE, rel=1e-6)
    assert fit_temperature((np.arange(50) + 1) % 3, y_prob) == pytest.approx(MAX_TEMPERATURE, rel=1e-6)


def test_zero_probabilities_stay_finite():
    y_prob = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    temperature = fit_temperature([0, 2], y_prob)
    assert MIN_TEMPERATURE <= temperature <= MAX_TEMPERATURE
    for value in (MIN_TEMPERATURE, temperature, MAX_TEMPERATURE):
        assert np.isfinite(apply_temperature(y_prob, value)).all()


def test_one_changes_nothing_and_the_ranking_is_kept():
    _, y_prob = calibrated_sample(500, seed=5)
    assert apply_temperature(y_prob, 1.0) == pytest.approx(y_prob, abs=1e-9)
    for temperature in (0.2, 3.0):
        scaled = apply_temperature(y_prob, temperature)
        assert (scaled.argsort(axis=1) == y_prob.argsort(axis=1)).all()
        assert scaled.sum(axis=1) == pytest.approx(1.0)


def test_no_faces_give_no_rows():
    assert apply_temperature(np.zeros((0, 7)), 2.0).shape == (0, 7)


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan, math.inf])
def test_impossible_temperatures_are_refused(temperature):
    with pytest.raises(MoueError, match="temperature"):
        apply_temperature([[0.5, 0.5]], temperature)


def test_nothing_to_fit_on_is_refused():
    with pytest.raises(MoueError, match="nothing to score"):
        fit_temperature([], np.zeros((0, 7)))
