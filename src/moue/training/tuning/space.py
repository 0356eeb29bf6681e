"""The search space: which choices of a recipe `moue tune` may change, and how far.

In a recipe's TOML file it is the table ``search``, with one entry for each choice:

    [search]
    learning_rate = { low = 0.0001, high = 0.01, log = true }
    batch_size = { choices = [64, 128, 256] }
    model_options.conv_dropout = { low = 0.0, high = 0.5 }
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import itertools
import typing
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MoueError, SettingError
from moue.training.config import TrainConfig, list_recipes, read_recipe, with_entries
from moue.training.models.registry import options_of, refuse_options
from moue.training.tuning.parameter import Parameter, make_parameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import optuna

    Values = dict[str, Any]

_OPTIONS: Final = "model_options"
_LOSS: Final = "it changes what val_loss measures, so losses could not be compared"
_NOT_SEARCHED: Final = {
    "recipe": "it is only a name",
    "seed": "the luckiest seed is no better recipe",
    "epochs": "trials of different length could not be compared",
    "ferplus_weight": _LOSS,
    "head_weights": _LOSS,
    "distill_weight": "moue tune has no teacher",
    "distill_temperature": "moue tune has no teacher",
}
_DRAWS: Final = 200
_PAGE: Final = "docs/tuning.md explains search spaces."


@dataclasses.dataclass(frozen=True)
class Space:
    """The choices that a study may change.

    Attributes:
        parameters: One for each choice.
        origin: Where they come from, for messages.
    """

    parameters: tuple[Parameter, ...]
    origin: str = "the search space"

    @classmethod
    def from_dict(cls, table: Mapping[str, Any], config: TrainConfig, origin: str = "the search space") -> Space:
        """Read a table as in a recipe, and check it against the fields of a configuration.

        Args:
            table: The entries by name; those of `model_options` are a table of their own, or are called
                `model_options.NAME`.
            config: The configuration outside the space.
            origin: Where the table comes from, for messages.

        Raises:
            MoueError: an unknown name, a wrong entry, or values that a training would refuse.
        """
        if not isinstance(table, dict) or not table:
            raise MoueError(f"{origin} is empty", "one choice or more, each with a range or choices", _PAGE)
        kinds = typing.get_type_hints(TrainConfig)
        known = {field.name: kinds[field.name] for field in dataclasses.fields(TrainConfig)}
        parameters = []
        for name, entry in with_entries({}, table).items():
            _refuse_name(origin, name, known)
            if name == _OPTIONS:
                parameters += _read_options(origin, entry)
            else:
                parameters.append(make_parameter(origin, name, entry, known[name]))
        space = cls(tuple(parameters), origin)
        space.check(config)
        return space

    @classmethod
    def from_recipe(cls, name_or_path: str | Path, config: TrainConfig | None = None) -> Space:
        """Read the search space of a recipe that comes with moue, or of a TOML file.

        Args:
            name_or_path: e.g. ``"seed_cnn"`` or ``"my/recipe.toml"``.
            config: The configuration outside the space; by default the recipe itself.

        Raises:
            MoueError: there is no such recipe, it has no search space, or a wrong one.
        """
        source, values = read_recipe(name_or_path)
        # moue's own recipes are valid, so it is the choice of the recipe that is wrong.
        kind = SettingError if str(name_or_path) in list_recipes() else MoueError
        if "search" not in values:
            raise kind(f"the recipe {name_or_path} has no search space", "a table [search] in it", f"Add one. {_PAGE}")
        base = config or TrainConfig.from_recipe(name_or_path)
        try:
            return cls.from_dict(values["search"], base, f"the search space of {source}")
        except SettingError as error:
            raise kind(error.came, error.expected, error.fix) from error

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters by name, for the study to remember."""
        return {one.name: one.to_dict() for one in self.parameters}

    def suggest(self, trial: optuna.Trial) -> Values:
        """Return the values that a trial suggests."""
        return {one.name: one.suggest(trial) for one in self.parameters}

    def configure(self, config: TrainConfig, values: Mapping[str, Any]) -> TrainConfig:
        """Return the configuration with a trial's values in it."""
        changes: dict[str, Any] = {}
        options = dict(config.model_options)
        for name, value in values.items():
            group, dot, option = name.partition(".")
            if dot:
                options[option] = value
                changes[group] = options
            else:
                changes[name] = value
        return dataclasses.replace(config, **changes)

    def values_of(self, config: TrainConfig) -> Values | None:
        """Return the values that a configuration has, or None if one of them lies outside the space."""
        values = {}
        for one in self.parameters:
            group, dot, option = one.name.partition(".")
            values[one.name] = _option_of(config, option) if dot else getattr(config, group)
            if not one.contains(values[one.name]):
                return None
        return values

    def check(self, config: TrainConfig) -> None:
        """Refuse a space with values that a training would refuse, alone or together.

        Raises:
            MoueError: there are such values, or an option that the network does not have.
        """
        named = [one.name.partition(".")[2] for one in self.parameters if "." in one.name]
        refuse_options(config.model, set(named) - set(config.model_options), self.origin)
        for values in itertools.chain(self._ends(), self._draws()):
            try:
                self.configure(config, values)
            except MoueError as error:
                listed = ", ".join(f"{name} = {value}" for name, value in values.items())
                where = listed if len(values) == 1 else f"together, {listed}"
                raise MoueError(
                    f"{self.origin} allows {where}: {error.came}", error.expected, error.fix or _PAGE
                ) from error

    def _ends(self) -> Iterator[Values]:
        return ({one.name: end} for one in self.parameters for end in one.ends())

    def _draws(self) -> Iterator[Values]:
        """Yield combinations of ends: fields may exclude each other, as adam and weight decay do."""
        rng = np.random.default_rng(0)
        for _ in range(_DRAWS):
            yield {one.name: one.ends()[rng.integers(len(one.ends()))] for one in self.parameters}


def _refuse_name(origin: str, name: str, known: Mapping[str, Any]) -> None:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        options = f"An option of the network is {_OPTIONS}.NAME."
        fix = f"Did you mean {near[0]}?" if near else options
        raise MoueError(f"{origin} has an unknown choice: {name}", f"only {', '.join(sorted(known))}", fix)
    if name in _NOT_SEARCHED:
        raise MoueError(f"{origin} has {name}", f"other choices: {_NOT_SEARCHED[name]}", f"Remove {name} from it.")


def _read_options(origin: str, table: Any) -> list[Parameter]:  # noqa: ANN401 (TOML is anything)
    """Read the entries of `model_options`, which are those of the network's builder."""
    if not isinstance(table, dict):
        raise MoueError(f"{origin} has {_OPTIONS} = {table!r}", "entries by name, such as model_options.dropout", _PAGE)
    return [make_parameter(origin, f"{_OPTIONS}.{name}", entry, None) for name, entry in table.items()]


def _option_of(config: TrainConfig, name: str) -> Any:  # noqa: ANN401 (an option is anything)
    """Return an option of the network: what the recipe says, else the builder's default."""
    if name in config.model_options:
        return config.model_options[name]
    default = options_of(config.model)[name].default
    return None if default is inspect.Parameter.empty else default
