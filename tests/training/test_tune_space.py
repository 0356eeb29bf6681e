"""Search spaces: read from recipes, checked against the fields, and turned into configurations."""

from __future__ import annotations

import tomllib

import pytest

from moue.errors import MoueError, SettingError
from moue.training.config import TrainConfig, list_recipes, read_recipe
from moue.training.finetune import fit_to_amount
from moue.training.tuning.space import Space

SEED = TrainConfig.from_recipe("seed_cnn")
SEARCHED = [name for name in list_recipes() if "search" in read_recipe(name)[1]]


def space_of(toml: str, config: TrainConfig = SEED) -> Space:
    return Space.from_dict(tomllib.loads(toml), config)


@pytest.mark.parametrize("name", SEARCHED)
def test_every_shipped_space_holds_its_recipe(name):
    config = TrainConfig.from_recipe(name)
    space = Space.from_recipe(name)
    values = space.values_of(config)
    assert values is not None
    assert space.configure(config, values).to_dict() | {"model_options": {}} == config.to_dict() | {"model_options": {}}


def test_the_first_recipes_have_spaces():
    assert {"seed_cnn", "small", "finetune"} <= set(SEARCHED)


@pytest.mark.parametrize("num_faces", [12, 700, 6000, 30000])
def test_the_space_of_fine_tuning_holds_the_settings_for_any_number_of_faces(num_faces):
    config = TrainConfig.from_recipe("finetune", **fit_to_amount(num_faces))
    assert Space.from_recipe("finetune", config).values_of(config) is not None


def test_values_go_to_fields_and_to_the_network():
    space = space_of(
        "learning_rate = { low = 1e-4, high = 1e-2, log = true }\nmodel_options.conv_dropout = { low = 0, high = 0.5 }"
    )
    base = TrainConfig(model_options={"dense_dropout": 0.3})
    config = space.configure(base, {"learning_rate": 0.002, "model_options.conv_dropout": 0.125})
    assert config.learning_rate == 0.002
    assert config.model_options == {"dense_dropout": 0.3, "conv_dropout": 0.125}
    assert base.model_options == {"dense_dropout": 0.3}


def test_a_table_in_python_has_names_with_dots_too():
    entries = {"conv_dropout": {"low": 0.0, "high": 0.5}, "dense_dropout": {"choices": [0.2, 0.4]}}
    dotted = {f"model_options.{name}": entry for name, entry in entries.items()}
    assert Space.from_dict(dotted, SEED) == Space.from_dict({"model_options": entries}, SEED)
    with pytest.raises(SettingError, match=r"unknown option of seed_cnn: model_options\.width"):
        Space.from_dict({"model_options.width": {"low": 1, "high": 2}}, SEED)
    with pytest.raises(MoueError, match="has head_weights"):
        Space.from_dict({"head_weights.perceived": {"low": 0.0, "high": 1.0}}, SEED)


def test_a_space_of_another_network_is_refused():
    space = Space.from_recipe("seed_cnn")
    with pytest.raises(SettingError, match="unknown option of small"):
        space.check(TrainConfig.from_recipe("small"))


def test_the_values_of_a_recipe_include_the_defaults_of_its_network():
    space = space_of("model_options.dense_dropout = { low = 0.0, high = 0.7 }")
    assert space.values_of(SEED) == {"model_options.dense_dropout": 0.5}


@pytest.mark.parametrize(
    ("entry", "inside", "outside"),
    [
        ("batch_size = { low = 32, high = 128, step = 32 }", 96, 100),
        ("batch_size = { choices = [64, 128] }", 128, 32),
        ("learning_rate = { low = 0.001, high = 0.1, log = true }", 0.001, 0.2),
        ("label_smoothing = { low = 0.0, high = 0.2, step = 0.05 }", 0.15, 0.17),
        ("flip = { choices = [true, false] }", False, 0),
    ],
)
def test_values_inside_and_outside_a_space(entry, inside, outside):
    (parameter,) = space_of(entry).parameters
    assert parameter.contains(inside)
    assert not parameter.contains(outside)


def test_whole_numbers_come_from_the_field_or_from_the_entry():
    space = space_of(
        "batch_size = { low = 16, high = 64 }\nmomentum = { low = 0, high = 0.9 }\n"
        "model_options.conv_dropout = { low = 0, high = 1, integer = true }"
    )
    assert [one.integer for one in space.parameters] == [True, False, True]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("", "is empty(?s:.*)one choice or more"),
        ("learning_rat = { low = 1, high = 2 }", r"unknown choice: learning_rat(?s:.*)Did you mean learning_rate\?"),
        ("dropout = { low = 0, high = 1 }", "unknown choice: dropout(?s:.*)model_options.NAME"),
        ("model_options.dropout = { low = 0, high = 1 }", "unknown option of seed_cnn(?s:.*)conv_dropout, dense_drop"),
        ("model_options = 3", "model_options = 3(?s:.*)entries by name"),
        ("learning_rate = 0.1", "learning_rate = 0.1(?s:.*)a table with low and high"),
        ("learning_rate = { low = 0.1 }", "has low(?s:.*)both low and high"),
        ("learning_rate = {}", "has nothing(?s:.*)either low and high, or choices"),
        ("learning_rate = { low = 1, high = 2, choices = [1, 2] }", "either low and high, or choices"),
        ("learning_rate = { low = 1, high = 2, scale = 'log' }", "unknown keys: scale(?s:.*)only low, high, log"),
        ("learning_rate = { low = 0.1, high = 0.1 }", "low below high(?s:.*)--set"),
        ("learning_rate = { low = 0.0, high = 0.1, log = true }", "low above 0"),
        ("learning_rate = { low = 1e-4, high = 0.1, log = 'yes' }", "log = 'yes'(?s:.*)true or false"),
        ("learning_rate = { low = 1e-4, high = 0.1, log = true, step = 0.1 }", "one of the two"),
        ("learning_rate = { low = 'a', high = 0.1 }", "low = 'a'(?s:.*)a finite number"),
        ("learning_rate = { low = 1e-4, high = inf }", "high = inf(?s:.*)a finite number"),
        ("label_smoothing = { low = 0.0, high = 1.5 }", "label_smoothing = 1.5(?s:.*)at most 0.9"),
        ("label_smoothing = { low = 0.0, high = 0.2, step = 0.15 }", "a part of the range 0.0 to 0.2"),
        ("batch_size = { low = 1.5, high = 8 }", "low = 1.5(?s:.*)a whole number"),
        ("batch_size = { low = 1, high = 8, integer = false }", "integer = false(?s:.*)whole numbers"),
        ("batch_size = { choices = [16, 1.5] }", "batch_size = 1.5 .float."),
        ("optimizer = { low = 0, high = 1 }", "a range, but the choice is no number"),
        ("optimizer = { choices = ['adam', 'magic'] }", "optimizer = 'magic'(?s:.*)one of adam"),
        ("flip = { choices = [true] }", "two different values or more"),
        ("flip = { choices = [true, true] }", "two different values or more"),
        ("flip = { choices = true }", "choices = True(?s:.*)a list"),
        ("batch_size = { choices = [[1], [2]] }", "a list of numbers, texts"),
        ("batch_size = { choices = [1, 2], log = true }", "choices alone"),
        ("seed = { low = 0, high = 9 }", "has seed(?s:.*)the luckiest seed(?s:.*)Remove seed"),
        ("epochs = { low = 1, high = 9 }", "has epochs(?s:.*)could not be compared"),
        ("ferplus_weight = { low = 0.0, high = 1.0 }", "changes what val_loss measures"),
        (
            "optimizer = { choices = ['adam', 'sgd'] }\nweight_decay = { low = 0.0, high = 0.1 }",
            "weight_decay = 0.1 with adam",
        ),
        ("learning_rate = { low = 0.0, high = 0.1 }", "learning_rate = 0.0(?s:.*)more than 0"),
    ],
)
def test_wrong_spaces(toml, message):
    with pytest.raises(MoueError, match=message):
        space_of(toml)


def test_a_recipe_without_a_space_is_refused(tmp_path):
    path = tmp_path / "plain.toml"
    path.write_text('model = "seed_cnn"\n')
    with pytest.raises(MoueError, match=r"has no search space(?s:.*)a table \[search\]"):
        Space.from_recipe(path)


def test_training_takes_a_recipe_with_a_space(tmp_path):
    path = tmp_path / "both.toml"
    path.write_text("epochs = 3\n[search]\nlearning_rate = { low = 0.001, high = 0.1 }\n")
    assert TrainConfig.from_recipe(path).epochs == 3
    assert [one.name for one in Space.from_recipe(path).parameters] == ["learning_rate"]
