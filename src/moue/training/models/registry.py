"""The registry of networks: a name, its builder and its data sheet."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError, SettingError
from moue.labels import CLASS_NAMES
from moue.training.backend import keras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    Builder = Callable[..., keras.Model]

DEFAULT_INPUT_SHAPE: Final = (48, 48, 1)
_PACKAGE: Final = "moue.training.models"
_GIVEN: Final = ("num_classes", "input_shape")  # passed to every builder; its other parameters are its options


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """A registered network.

    Attributes:
        name: Its name in recipes and on the command line.
        build: Called with `num_classes`, `input_shape` and the network's own options; returns a `keras.Model` from
            pixels 0-255 to probabilities.
        paper: Where the architecture comes from.
        summary: What it is, in one line.
    """

    name: str
    build: Builder
    paper: str
    summary: str


_ENTRIES: dict[str, ModelEntry] = {}


def register(name: str, *, paper: str, summary: str) -> Callable[[Builder], Builder]:
    """Return a decorator that registers a builder under `name`.

    Raises:
        MoueError: the name is taken.
    """

    def decorate(build: Builder) -> Builder:
        if name in _ENTRIES:
            raise MoueError(f"model {name!r} is registered twice", "a new name")
        _ENTRIES[name] = ModelEntry(name, build, paper, summary)
        return build

    return decorate


def list_models() -> dict[str, ModelEntry]:
    """Return all registered networks by name."""
    # Each file of the folder registers its networks when it is imported.
    for module in pkgutil.iter_modules(importlib.import_module(_PACKAGE).__path__):
        importlib.import_module(f"{_PACKAGE}.{module.name}")
    return dict(_ENTRIES)


def options_of(name: str) -> dict[str, inspect.Parameter]:
    """Return the options of a registered network by name.

    Raises:
        SettingError: there is no such network.
    """
    entries = list_models()
    if name not in entries:
        raise SettingError(f"unknown model {name!r}", f"one of {', '.join(sorted(entries))}")
    parameters = inspect.signature(entries[name].build).parameters
    return {option: one for option, one in parameters.items() if option not in _GIVEN}


def refuse_options(name: str, options: Iterable[str], origin: str = "") -> None:
    """Check that there is a network with options of these names.

    Args:
        name: The network's name.
        options: Names of options.
        origin: Where they come from, for the message.

    Raises:
        SettingError: there is no such network, or an option is unknown.
    """
    known = options_of(name)
    if any(one.kind is inspect.Parameter.VAR_KEYWORD for one in known.values()):
        return
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise SettingError(
            f"{f'{origin} has ' if origin else ''}an unknown option of {name}: model_options.{unknown[0]}",
            f"one of {', '.join(known) or 'none'}",
            f"moue models {name} describes the network.",
        )


def build_model(
    name: str,
    num_classes: int = len(CLASS_NAMES),
    input_shape: tuple[int, int, int] = DEFAULT_INPUT_SHAPE,
    options: Mapping[str, Any] | None = None,
) -> keras.Model:
    """Build a registered network.

    Args:
        name: A name of `list_models`.
        num_classes: Number of outputs.
        input_shape: (height, width, channels) of the images.
        options: The network's own options, e.g. dropout rates.

    Returns:
        A `keras.Model` from images (N, H, W, C), pixels in 0-255, to probabilities (N, num_classes).

    Raises:
        SettingError: unknown name or option, a value that an option cannot have, or an input too small for the network.
        MoueError: the builder returns something else.
    """
    given = dict(options or {})
    refuse_options(name, given)
    try:
        model = _ENTRIES[name].build(num_classes=num_classes, input_shape=input_shape, **given)
    except (TypeError, ValueError) as error:
        raise SettingError(
            f"model {name!r} cannot be built with {given} and {input_shape}: {error}",
            "options and an input that go with it",
            f"moue models {name} describes the network.",
        ) from error
    if not isinstance(model, keras.Model):
        raise MoueError(f"the builder of {name!r} returned {type(model).__name__}", "a keras.Model")
    return model
