"""The results of a study: how sure the winner is, the recipe that it writes, the axes of its figures."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("optuna", reason="tuning needs the extra 'tune'")
pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training.config import TrainConfig
from moue.training.tuning.confirm import Candidate, standard_error
from moue.training.tuning.figures import Scale
from moue.training.tuning.page import verdict
from moue.training.tuning.results import write_recipe


def candidate(trial, *losses):
    name = "the recipe" if trial is None else f"trial {trial}"
    return Candidate(name, trial, TrainConfig(), 1.0, losses, tuple(0.5 for _ in losses))


def test_the_standard_error_of_a_difference():
    # Standard deviations 0.02 and 0.04 over two and three seeds.
    one, other = candidate(3, 1.0 - 0.02 / math.sqrt(2), 1.0 + 0.02 / math.sqrt(2)), candidate(None, 1.06, 1.1, 1.14)
    assert one.spread == pytest.approx(0.02)
    assert other.spread == pytest.approx(0.04)
    assert standard_error(one, other) == pytest.approx(math.sqrt(0.02**2 / 2 + 0.04**2 / 3))
    assert math.isnan(standard_error(candidate(3, 1.0), other))


@pytest.mark.parametrize(
    ("candidates", "words"),
    [
        ([], ""),
        ([candidate(3)], ""),
        ([candidate(3, 1.0, 1.01), candidate(None)], ""),
        ([candidate(None, 1.0, 1.01), candidate(3, 1.1, 1.2)], "no trial has a lower mean loss than the recipe."),
        ([candidate(3, 1.0), candidate(None, 1.1)], "by 0.1000; one seed each says nothing about the noise."),
        ([candidate(3, 1.0, 1.02), candidate(None, 1.1, 1.14)], "more than twice the standard error"),
        ([candidate(3, 1.0, 1.02), candidate(None, 1.0, 1.06)], "less than twice the standard error"),
        ([candidate(3, 1.0, 1.02), candidate(None, math.inf, 1.0)], "loss of the recipe was no longer a number"),
    ],
)
def test_how_sure_the_winner_is_in_words(candidates, words):
    sentence = verdict(candidates)
    assert words in sentence
    assert bool(words) == bool(sentence)


def test_a_recipe_is_read_as_it_was_written(tmp_path):
    config = TrainConfig(
        recipe="best", model="small", model_options={"dropout": 0.1, "widths": [8, 16, 24]}, flip=True, epochs=7,
        learning_rate=1e-05, weight_decay=0.1, optimizer="adamw",
        initial_weights='runs/"é" \\ 1',
    )  # fmt: skip
    write_recipe(config, tmp_path / "best.toml", "two\nlines")
    assert TrainConfig.from_recipe(tmp_path / "best.toml") == config


def test_positions_of_values_on_an_axis():
    assert Scale("x", 1e-4, 1e-2, log=True).place(1e-3) == pytest.approx(0.5)
    assert Scale("x", 0.0, 0.2).place(0.05) == pytest.approx(0.25)
    assert [Scale("x", choices=(64, 128, 256)).place(value) for value in (64, 128, 256)] == [0.0, 0.5, 1.0]
    assert Scale("x", choices=(False, True)).ticks() == [(0.0, "no"), (1.0, "yes")]
