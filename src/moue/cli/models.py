"""Commands that list what is available: models, recipes."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from moue.cli import console

if TYPE_CHECKING:
    from moue.training.models.registry import ModelEntry

_UNKNOWN: Final = "?"


def models(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The network to describe.", show_default=False)] = "",
    card: Annotated[
        bool,
        typer.Option("--card", help="Show the card of a shipped model, and the record of its licence and origin."),
    ] = False,
) -> None:
    """List the networks, or describe one.

    You can train any network. Those with shipped models can be used at once.
    """
    if card:
        from moue.cli.card import show_card

        show_card(name)
        return
    from moue.training.models.registry import list_models

    entries = list_models()
    if name:
        _describe(name, entries)
        return
    weights = _weights()
    rows = [(entry, *_cost(entry), ", ".join(weights.get(entry, ())) or "-") for entry in sorted(entries)]
    console.print_table(("network", "parameters", "multiply-adds", "input", "shipped models"), rows)
    for model, recipe in _recipes().items():
        if recipe.get("model_options"):
            console.note(f"{model} has options of its own, and so another size: moue recipes {recipe['recipe']}")
    console.note("to describe one: moue models NAME; to use a shipped model: moue predict FILE --model NAME")


def recipes(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The recipe to show.", show_default=False)] = "",
) -> None:
    """List the recipes for training, or show one."""
    from moue.training.config import TrainConfig, list_recipes

    if not name:
        configs = [TrainConfig.from_recipe(recipe) for recipe in list_recipes()]
        rows = [(config.recipe, config.model, str(config.epochs)) for config in configs]
        console.print_table(("recipe", "network", "epochs"), rows)
        console.note("to show one: moue recipes NAME; to use it: moue train DATA --recipe NAME")
        return
    config = TrainConfig.from_recipe(name)
    fields = dataclasses.fields(config)
    rows = [(field.name, str(getattr(config, field.name)), field.metadata["help"]) for field in fields]
    console.print_table(("setting", "value", "meaning"), rows)


def _describe(name: str, entries: dict[str, ModelEntry]) -> None:
    from moue.errors import SettingError
    from moue.training.config import TrainConfig, list_recipes

    if name not in entries:
        raise SettingError(f"unknown network {name!r}", f"one of {', '.join(sorted(entries))}")
    parameters, multiply_adds, size = _cost(name)
    recipe_names = [recipe for recipe in list_recipes() if TrainConfig.from_recipe(recipe).model == name]
    about = {
        "what": entries[name].summary,
        "paper": entries[name].paper,
        "parameters": parameters,
        "multiply-adds": f"{multiply_adds} for one face of {size}",
        "recipes": ", ".join(recipe_names) or "none",
        "shipped models": ", ".join(_weights().get(name, ())) or "none; train your own",
    }
    about |= {
        f"parameters of {model}": f"others, with options of its own: moue recipes {recipe['recipe']}"
        for model, recipe in _recipes().items()
        if recipe.get("model") == name and recipe.get("model_options")
    }
    console.print_table((name, ""), list(about.items()))


def _cost(name: str) -> tuple[str, str, str]:
    """Return parameters, multiply-adds and input size of a network as text."""
    from moue.training.models.figures import load_figures

    figures = load_figures().get(name)
    if figures is None:
        return (_UNKNOWN,) * 3
    size = "x".join(map(str, figures.input_shape))
    return f"{figures.parameters:,}", f"{figures.multiply_adds / 1e6:,.1f} M", size


def _weights() -> dict[str, list[str]]:
    """Return the names of the shipped models by network."""
    by_network: dict[str, list[str]] = {}
    for model, recipe in _recipes().items():
        by_network.setdefault(recipe.get("model", model), []).append(model)
    return by_network


def _recipes() -> dict[str, dict[str, Any]]:
    """Return the settings that each shipped model was trained with."""
    from moue.classifier.locate import WEIGHTS, shipped_models
    from moue.files import read_json

    return {model: read_json(WEIGHTS / f"{model}.json").get("recipe", {}) for model in shipped_models()}


COMMANDS: Final = (models, recipes)
