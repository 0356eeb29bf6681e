"""The cost of each network, stored in a file, because measuring it means loading Keras and building the network."""

from __future__ import annotations

import dataclasses
import importlib.resources
import json
from typing import Final

from moue.training.models.cost import count_multiply_adds
from moue.training.models.registry import build_model, list_models

FILE: Final = "figures.json"


@dataclasses.dataclass(frozen=True)
class ModelFigures:
    """The size of a network with its default options and 7 classes.

    Attributes:
        parameters: Number of weights.
        multiply_adds: Multiply-adds of one image.
        input_shape: (height, width, channels).
    """

    parameters: int
    multiply_adds: int
    input_shape: tuple[int, int, int]


def load_figures() -> dict[str, ModelFigures]:
    """Return the figures of the networks, as ``python scripts/model_figures.py`` wrote them."""
    text = importlib.resources.files("moue.training.models").joinpath(FILE).read_text(encoding="utf-8")
    return {
        name: ModelFigures(one["parameters"], one["multiply_adds"], tuple(one["input_shape"]))
        for name, one in json.loads(text).items()
    }


def measure_figures() -> dict[str, ModelFigures]:
    """Build every registered network and return its figures."""
    return {name: measure(name) for name in sorted(list_models())}


def measure(name: str) -> ModelFigures:
    """Build one network and return its figures."""
    model = build_model(name)
    return ModelFigures(model.count_params(), count_multiply_adds(model), tuple(model.input_shape[1:]))
