"""Every recipe that comes with moue trains: one step on a few faces with a narrow network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import NARROW, make_dataset
from moue.training.config import TrainConfig, list_recipes

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training.batches import Feed
from moue.training.models import build_model
from moue.training.network import assemble, compile_model
from moue.training.targets import make_training_targets

RECIPES = list_recipes()
LIMITS = {"small": 1_000_000, "base": 2_000_000, "large": 6_000_000}


@pytest.fixture(scope="module")
def faces():
    data = make_dataset(40)
    votes = np.random.default_rng(0).multinomial(10, np.full(10, 0.1), len(data)).astype(np.uint8)
    return dataclasses.replace(data, votes=votes)


@pytest.mark.parametrize("name", RECIPES)
def test_trains(name, faces):
    """One step with the recipe's settings; a whole run is the same for all recipes and tested elsewhere."""
    recipe = TrainConfig.from_recipe(name)
    config = dataclasses.replace(recipe, model_options=recipe.model_options | NARROW.get(recipe.model, {}))
    teacher = {"emotion": np.full((len(faces), 7), 1 / 7, np.float32)} if config.distill_weight else None
    feed = Feed(faces.images, make_training_targets(faces, config, teacher), config)
    model = assemble(config, len(faces.class_names))
    compile_model(model, config, len(feed))
    model.run_eagerly = True  # compiling takes longer than a step
    before = model.get_weights()
    numbers = model.train_on_batch(*feed[0], return_dict=True)
    assert np.isfinite(list(numbers.values())).all()
    assert ("perceived_loss" in numbers) == (config.ferplus_weight > 0)
    assert any((one != other).any() for one, other in zip(before, model.get_weights(), strict=True))


@pytest.mark.parametrize("name", RECIPES)
def test_a_cosine_is_not_stopped_early_by_chance(name):
    recipe = TrainConfig.from_recipe(name)
    assert recipe.schedule == "constant" or not 0 < recipe.early_stopping_patience < recipe.epochs // 3


@pytest.mark.parametrize("name", LIMITS)
def test_shipped_models_stay_small(name):
    recipe = TrainConfig.from_recipe(name)
    assert build_model(recipe.model, options=recipe.model_options).count_params() <= LIMITS[name]
