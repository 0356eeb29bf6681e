"""One choice of a search space: a range or a list of values."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import optuna

    Scalar = bool | int | float | str

_KEYS: Final = ("low", "high", "log", "step", "integer", "choices")
_EXAMPLE: Final = "Examples: { low = 0.0001, high = 0.01, log = true } and { choices = [64, 128] }."


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A range (`low`, `high`), or `choices`.

    Attributes:
        name: The field of `TrainConfig`, or "model_options.NAME".
        low: The lowest value.
        high: The highest value.
        log: Whether values are drawn on a logarithmic scale.
        step: The distance between values; None: any value, or 1 for integers.
        integer: Whether only whole numbers are drawn.
        choices: The values, if it is not a range.
    """

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    step: float | None = None
    integer: bool = False
    choices: tuple[Scalar, ...] = ()

    def suggest(self, trial: optuna.Trial) -> Scalar:
        """Return the value that a trial suggests."""
        if self.choices:
            chosen = trial.suggest_categorical(self.name, self.choices)
            return "" if chosen is None else chosen  # it is never None
        if self.integer:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(self.name, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(self.name, self.low, self.high, step=self.step, log=self.log)

    def ends(self) -> tuple[Scalar, ...]:
        """Return the values that are checked: both ends of a range, or every choice."""
        return self.choices or ((int(self.low), int(self.high)) if self.integer else (self.low, self.high))

    def contains(self, value: Any) -> bool:  # noqa: ANN401 (any field's value)
        """Return whether a trial could have this value."""
        if self.choices:
            return any(value == choice and type(value) is type(choice) for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / (self.step or (1 if self.integer and not self.log else 0) or math.inf)
        return abs(steps - round(steps)) < 1e-9 and not (self.integer and value != int(value))

    def to_dict(self) -> dict[str, Any]:
        """Return what differs from the defaults, as JSON values."""
        entry = {"choices": list(self.choices)} if self.choices else {"low": self.low, "high": self.high}
        extra = {"log": self.log, "step": self.step, "integer": self.integer}
        return entry | {name: value for name, value in extra.items() if value}


def make_parameter(origin: str, name: str, entry: Any, kind: Any) -> Parameter:  # noqa: ANN401 (TOML; a type)
    """Read an entry of a search space.

    Args:
        origin: Where it comes from, for messages.
        name: Its name.
        entry: Its content.
        kind: The type of the field, or None if it is not known.

    Raises:
        MoueError: it is neither a range nor a list of values for such a field.
    """
    where = f"{origin}: {name}"
    if not isinstance(entry, dict):
        raise MoueError(f"{where} = {entry!r}", "a table with low and high, or with choices", _EXAMPLE)
    unknown = sorted(set(entry) - set(_KEYS))
    if unknown:
        raise MoueError(f"{where} has unknown keys: {', '.join(unknown)}", f"only {', '.join(_KEYS)}", _EXAMPLE)
    if ("choices" in entry) == ("low" in entry or "high" in entry):
        raise MoueError(f"{where} has {_list_keys(entry)}", "either low and high, or choices", _EXAMPLE)
    if "choices" in entry:
        return Parameter(name, choices=_read_choices(where, entry, kind))
    if kind in (bool, str):
        raise MoueError(f"{where} is a range, but the choice is no number", "choices = [...]", _EXAMPLE)
    return _read_range(where, name, entry, kind)


def _read_choices(where: str, entry: Mapping[str, Any], kind: Any) -> tuple[Scalar, ...]:  # noqa: ANN401 (a type)
    choices = entry["choices"]
    if len(entry) > 1:
        raise MoueError(f"{where} has {_list_keys(entry)}", "choices alone", "A list needs no log, step or integer.")
    if not isinstance(choices, list) or not all(isinstance(one, bool | int | float | str) for one in choices):
        raise MoueError(f"{where}: choices = {choices!r}", "a list of numbers, texts, true or false", _EXAMPLE)
    if kind is float:
        choices = [float(one) if type(one) is int else one for one in choices]
    if len({(type(one), one) for one in choices}) < max(2, len(choices)):
        raise MoueError(f"{where}: choices = {choices!r}", "two different values or more", "Use --set for one value.")
    return tuple(choices)


def _read_range(where: str, name: str, entry: Mapping[str, Any], kind: Any) -> Parameter:  # noqa: ANN401 (a type)
    bounds = {key: entry[key] for key in ("low", "high", "step") if key in entry}
    _refuse_types(where, entry, bounds)
    low, high, step, log = bounds["low"], bounds["high"], bounds.get("step"), entry.get("log", False)
    integer = entry.get("integer", kind is int)
    if low >= high:
        raise MoueError(f"{where}: low = {low}, high = {high}", "low below high", "Use --set for one value.")
    if log and low <= 0:
        raise MoueError(f"{where}: log = true, low = {low}", "low above 0", "A logarithm needs it; or leave out log.")
    if log and step is not None:
        raise MoueError(f"{where} has log and step", "one of the two")
    if kind is int and not integer:
        raise MoueError(f"{where}: integer = false", "whole numbers", "Leave out integer.")
    _refuse_fractions(where, bounds, integer=integer)
    if step is not None and (step <= 0 or abs((high - low) / step - round((high - low) / step)) > 1e-9):
        raise MoueError(f"{where}: step = {step}", f"a part of the range {low} to {high}", _EXAMPLE)
    return Parameter(name, float(low), float(high), log, None if step is None else float(step), integer)


def _refuse_types(where: str, entry: Mapping[str, Any], bounds: Mapping[str, Any]) -> None:
    for key, value in bounds.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise MoueError(f"{where}: {key} = {value!r}", "a finite number", _EXAMPLE)
    if "low" not in bounds or "high" not in bounds:
        raise MoueError(f"{where} has {_list_keys(entry)}", "both low and high", _EXAMPLE)
    for key in ("log", "integer"):
        if not isinstance(entry.get(key, False), bool):
            raise MoueError(f"{where}: {key} = {entry[key]!r}", "true or false")


def _refuse_fractions(where: str, bounds: Mapping[str, float], *, integer: bool) -> None:
    for key, value in bounds.items():
        if integer and value != int(value):
            raise MoueError(f"{where}: {key} = {value}", "a whole number, as the choice is one")


def _list_keys(entry: Mapping[str, Any]) -> str:
    return " and ".join(entry) or "nothing"
