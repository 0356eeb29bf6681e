"""Read dataclasses of numbers, strings, tuples and other dataclasses back from JSON values."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, TypeVar

from moue.errors import MoueError

_Kind = TypeVar("_Kind")


def from_plain(kind: type[_Kind], value: object) -> _Kind:
    """Rebuild a dataclass from the plain values of `dataclasses.asdict`, also after a round trip through JSON.

    Args:
        kind: A dataclass whose fields are numbers, strings, tuples, dicts with string keys, other such dataclasses, or
            optional.
        value: The plain values.

    Raises:
        MoueError: a field is missing or of the wrong kind.
    """
    try:
        result: _Kind = _read(kind, value)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MoueError(
            f"this is not a {kind.__name__} of moue: {error!r:.200}", "the fields that moue wrote"
        ) from error
    return result


def _read(kind: Any, value: Any) -> Any:  # noqa: ANN401 (JSON is anything)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{field.name: _read(hints[field.name], value[field.name]) for field in dataclasses.fields(kind)})  # type: ignore[operator]
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise TypeError(value)
        kinds = [inner[0]] * len(value) if inner[-1] is Ellipsis else inner
        return tuple(_read(part_kind, part) for part_kind, part in zip(kinds, value, strict=True))
    if origin is dict:
        return {str(key): _read(inner[1], part) for key, part in value.items()}
    if origin is types.UnionType:
        return None if value is None else _read(inner[0], value)
    if kind is str and not isinstance(value, str):
        raise TypeError(value)
    return kind(value)
