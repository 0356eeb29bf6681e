"""Recipes and their fields."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moue.errors import MoueError
from moue.training.config import TrainConfig, list_recipes


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_can_be_read_and_has_its_name(name):
    assert TrainConfig.from_recipe(name).recipe == name


def test_seed_cnn_is_the_baseline():
    config = TrainConfig.from_recipe("seed_cnn")
    assert (config.model, config.epochs, config.batch_size, config.optimizer) == ("seed_cnn", 30, 128, "adam")


def test_overrides_and_files(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("epochs = 2\nlearning_rate = 1\n")
    config = TrainConfig.from_recipe(path, seed=5)
    assert (config.recipe, config.epochs, config.learning_rate, config.seed) == ("mine", 2, 1.0, 5)


def test_a_name_with_a_dot_changes_one_entry_of_a_table(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("model_options.conv_dropout = 0.1\nmodel_options.dense_dropout = 0.2\n")
    config = TrainConfig.from_recipe(path, **{"model_options.conv_dropout": 0.3})
    assert config.model_options == {"conv_dropout": 0.3, "dense_dropout": 0.2}
    assert TrainConfig.from_recipe(path, model_options={}).model_options == {}
    both = {"model_options.conv_dropout": 0.3, "model_options": {"dense_dropout": 0.4}}
    assert TrainConfig.from_recipe(path, **both).model_options == {"dense_dropout": 0.4, "conv_dropout": 0.3}
    assert TrainConfig.from_dict({"model_options.conv_dropout": 0.3}).model_options == {"conv_dropout": 0.3}


def test_every_field_has_a_help_text():
    assert all(field.metadata["help"] for field in dataclasses.fields(TrainConfig))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch": 3}, r"unknown setting: epoch(?s:.*)Did you mean epochs\?"),
        ({"epochs": 0}, "epochs = 0"),
        ({"epochs": "3"}, "epochs = '3' .str."),
        ({"epochs": True}, "epochs = True"),
        ({"learning_rate": 0}, "learning_rate = 0"),
        ({"learning_rate": float("nan")}, "learning_rate = nan"),
        ({"learning_rate": 10**400}, "learning_rate has more than 300 digits"),
        ([1], "the settings are a list"),
        ({"optimizer": "magic"}, "one of adam"),
        ({"seed": -1}, "seed = -1"),
        ({"ema": 1.0}, "ema = 1.0(?s:.*)at most 0.99999"),
        ({"mixup_alpha": float("inf")}, "mixup_alpha = inf(?s:.*)finite"),
        ({"weight_decay": 0.1}, "weight_decay = 0.1 with adam(?s:.*)adamw or sgd"),
        ({"epochs": 3, "warmup_epochs": 3}, "warmup_epochs = 3(?s:.*)fewer than epochs = 3"),
        ({"precision": "float16"}, "one of float32, mixed_bfloat16"),
        ({"flip": 1}, "flip = 1 .int."),
        ({"model_options": 3}, "model_options = 3"),
        ({"model_options": 3, "model_options.dropout": 0.1}, "model_options = 3"),
        ({"epochs.most": 3}, r"unknown setting: epochs\.most"),
        ({"head_weights.age": 1}, "head_weights names 'age'"),
    ],
)
def test_invalid_settings_are_refused(values, message):
    with pytest.raises(MoueError, match=message):
        TrainConfig.from_dict(values)


@pytest.mark.parametrize(("content", "message"), [(b"epochs = ", "cannot be read"), (b"\xff", "cannot be read")])
def test_invalid_recipe_files_are_refused(tmp_path, content, message):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    with pytest.raises(MoueError, match=message):
        TrainConfig.from_recipe(path)


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(MoueError, match=r"unknown recipe 'seed'(?s:.*)seed_cnn"):
        TrainConfig.from_recipe("seed")
    with pytest.raises(MoueError, match="cannot be read"):
        TrainConfig.from_recipe("missing.toml")


@given(st.dictionaries(st.sampled_from([f.name for f in dataclasses.fields(TrainConfig)]), st.from_type(object)))
def test_any_values_give_a_config_or_a_clear_error(values):
    try:
        config = TrainConfig.from_dict(values)
    except MoueError:
        return
    assert TrainConfig.from_dict(config.to_dict()) == config
