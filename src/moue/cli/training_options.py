"""Options of the commands that train, and the checks before the slow reading of the data."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from moue.cli import console

if TYPE_CHECKING:
    from pathlib import Path

    from moue.training.config import TrainConfig

AnyRecipe = Annotated[
    str,
    typer.Option(
        "--recipe",
        metavar="RECIPE",
        help="Name of a recipe (see moue recipes), or a TOML file. Default: seed_cnn; with --from: finetune.",
        show_default=False,
    ),
]
Start = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="MODEL",
        help="Fine-tune this model: a shipped one, a run folder, a .keras or an .onnx file.",
        show_default=False,
    ),
]
Devices = Annotated[
    int,
    typer.Option(
        "--devices", metavar="N", min=1, help="Split each batch over this many devices of this machine (JAX only)."
    ),
]


def given_choices(epochs: int | None, seed: int | None, choices: list[str] | None) -> dict[str, Any]:
    """Return the settings of a recipe that the options of a command override."""
    overrides = {"epochs": epochs, "seed": seed}
    return {name: value for name, value in overrides.items() if value is not None} | _parse_choices(choices or [])


def _parse_choices(choices: list[str]) -> dict[str, Any]:
    """Read NAME=VALUE pairs, the values as TOML; a bare word is a string."""
    values: dict[str, Any] = {}
    for choice in choices:
        name, equals, text = choice.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{choice!r}, expected NAME=VALUE", param_hint="--set")
        try:
            values[name.strip()] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            values[name.strip()] = text.strip()
    return values


def check_start(start: str, given: dict[str, Any]) -> None:
    """Check that the initial weights exist, before the data is read."""
    from moue.training.backend import import_keras

    if "initial_weights" in given:
        raise typer.BadParameter("--from already sets the initial weights", param_hint="--set initial_weights")
    with console.loading_keras():
        import_keras()
    from moue.training.finetune import find_weights

    find_weights(start)


def refuse_network(config: TrainConfig, recipe: str, given: dict[str, Any]) -> None:
    """Check that the network the user chose exists, before the data is read.

    A mistake in the options is wrong usage, one in a recipe file is wrong input; moue's own recipes need no check.
    """
    from moue.errors import MoueError, SettingError
    from moue.training.backend import import_keras

    chosen = any(name.partition(".")[0] in {"model", "model_options"} for name in given)
    if not chosen and not recipe.endswith(".toml"):
        return
    with console.loading_keras():
        import_keras()
    from moue.training.models.registry import refuse_options

    try:
        refuse_options(config.model, config.model_options)
    except SettingError as error:
        if chosen:
            raise
        raise MoueError(f"recipe {recipe}: {error.came}", error.expected, error.fix) from error


def refuse_devices(num_devices: int, config: TrainConfig | None) -> None:
    """Check that training can use the devices, before the data is read."""
    if num_devices > 1:
        from moue.training.backend import import_keras

        with console.loading_keras():
            import_keras()
        from moue.training.devices import find_devices

        find_devices(num_devices, config)


def refuse_no_votes(config: TrainConfig, ferplus: Path | None) -> None:
    """Check that votes are given if the recipe needs them, before the data is read."""
    from moue.training.targets import missing_votes, needs_votes

    if ferplus is None and needs_votes(config):
        raise missing_votes("the data", config)
