"""`HeadSpec` and `ExpressionSpec`: the outputs of a model, and how `expression` is computed from its heads."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.classifier import checks
from moue.classifier.checks import FIX
from moue.errors import MoueError
from moue.labels import CLASS_NAMES
from moue.probabilities import MAX_TEMPERATURE, MIN_TEMPERATURE

if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_WEIGHT: Final = 1e3
_ROW_FOR_EACH: Final = "one row for each class of expression"
_MAX_CLASSES: Final = 1000


@dataclasses.dataclass(frozen=True)
class HeadSpec:
    """One raw output of the model.

    Attributes:
        name: What it predicts, e.g. ``"emotion"``.
        output: Name of the ONNX output: probabilities float32 (N, len(class_names)).
        class_names: Names in the order of the output's columns.
        temperature: 0.05 to 20; calibrated probabilities are softmax(log p / temperature). 1 changes nothing.
    """

    name: str
    output: str
    class_names: tuple[str, ...] = CLASS_NAMES
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for field in ("name", "output"):
            if not checks.is_word(getattr(self, field)):
                raise MoueError(f"a head's {field} is {getattr(self, field)!r:.200}", "a text that is not empty", FIX)
        _check_names(f"class_names of head {self.name!r:.200}", self.class_names)
        checks.check_number(f"temperature of {self.name!r:.200}", self.temperature, MIN_TEMPERATURE, MAX_TEMPERATURE)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "class_names": list(self.class_names)}


@dataclasses.dataclass(frozen=True)
class ExpressionSpec:
    """How the ONNX file computes its outputs ``expression`` and ``not_face`` from its heads.

    ``expression`` is softmax(bias + sum over heads of weights[head] @ log p), where p are the head's own probabilities,
    clipped to at least 1e-7: a small linear layer on top of the heads. The numbers are built into the ONNX file; this
    is a readable copy. ``not_face`` is the calibrated probability of that class, from the head that has it.

    Attributes:
        class_names: The classes of ``expression``, in column order.
        weights: Maps the name of each head to one row for each of `class_names`, with one number for each class of
            the head; -1000 to 1000.
        bias: One number for each of `class_names`, -1000 to 1000.
        not_face_above: A detected face is dropped if ``not_face`` is above this, 0-1.
    """

    class_names: tuple[str, ...]
    weights: Mapping[str, tuple[tuple[float, ...], ...]]
    bias: tuple[float, ...]
    not_face_above: float = 1.0

    def __post_init__(self) -> None:
        _check_names("class_names of expression", self.class_names)
        weights: Any = self.weights  # from JSON it may be anything
        if not isinstance(weights, dict) or not weights:
            raise MoueError(f"expression.weights is {weights!r:.200}", "the weights of each head, by its name", FIX)
        for name, rows in weights.items():
            if not isinstance(rows, tuple) or len(rows) != len(self.class_names):
                raise MoueError(f"expression.weights of {name!r:.200} is {rows!r:.200}", _ROW_FOR_EACH, FIX)
            for row in rows:
                _check_row(f"expression.weights of {name!r:.200}", row)
        _check_row("expression.bias", self.bias)
        if len(self.bias) != len(self.class_names):
            raise MoueError(f"expression.bias is {self.bias!r:.200}", "one number for each class", FIX)
        checks.check_number("expression.not_face_above", self.not_face_above, 0, 1)

    @classmethod
    def of_head(cls, head: HeadSpec) -> ExpressionSpec:
        """Return the spec whose `expression` is the calibrated output of this head alone."""
        num = len(head.class_names)
        rows = tuple(tuple(float(i == k) / head.temperature for k in range(num)) for i in range(num))
        return cls(class_names=head.class_names, weights={head.name: rows}, bias=(0.0,) * num)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {
            "class_names": list(self.class_names),
            "weights": {name: [list(row) for row in rows] for name, rows in self.weights.items()},
            "bias": list(self.bias),
            "not_face_above": self.not_face_above,
        }


def _check_row(where: str, row: Any) -> None:  # noqa: ANN401 (from JSON it may be anything)
    if not isinstance(row, tuple) or not row:
        raise MoueError(f"{where} is {row!r:.200}", "a list of numbers", FIX)
    for number in row:
        checks.check_number(f"a number in {where}", number, -_MAX_WEIGHT, _MAX_WEIGHT)


def _check_names(where: str, names: Any) -> None:  # noqa: ANN401 (from JSON it may be anything)
    if not isinstance(names, tuple) or not 2 <= len(names) <= _MAX_CLASSES or not all(map(checks.is_word, names)):
        raise MoueError(f"{where} are {names!r:.200}", "two or more texts", FIX)
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise MoueError(f"{where} name {', '.join(duplicates):.200} twice", "every class once", FIX)
