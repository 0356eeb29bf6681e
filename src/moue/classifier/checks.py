"""Checks of values read from a ``model.json``, which may hold anything."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from moue.errors import MoueError

FIX: Final = "Export the model again: moue export RUN fer2013.csv"
NEWER: Final = "It was written by a newer moue: upgrade this one (pip install -U moue)."
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MAX_LETTERS: Final = 200
_MAX_DEPTH: Final = 50


def is_int(value: object) -> bool:
    """Return whether a JSON value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_word(value: object) -> bool:
    """Return whether a JSON value is a short string of printable characters that is not blank."""
    return isinstance(value, str) and bool(value.strip()) and value.isprintable() and len(value) <= _MAX_LETTERS


def is_sha256(value: object) -> bool:
    """Return whether a JSON value is a SHA-256 in lower-case hexadecimal digits."""
    return isinstance(value, str) and bool(_SHA256.fullmatch(value))


def is_plain(value: object, depth: int = _MAX_DEPTH) -> bool:
    """Return whether a value can be written as JSON in UTF-8: finite numbers, no lone surrogates, no deep nesting."""
    if depth < 0:
        return False
    if isinstance(value, dict):
        return all(is_plain(key, depth - 1) and is_plain(item, depth - 1) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(is_plain(item, depth - 1) for item in value)
    if isinstance(value, str):
        return not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int)


def check_number(what: str, value: object, low: float, high: float) -> None:
    """Raise `MoueError` unless a JSON value is a number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise MoueError(f"{what} is {value!r:.200}", f"a number from {low:g} to {high:g}", FIX)


def need_object(content: object, where: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises:
        MoueError: the value is something else.
    """
    if not isinstance(content, dict):
        raise MoueError(f"{where} is a {type(content).__name__}", "an object of names and values", FIX)
    return content


def need(content: dict[str, Any], key: str, where: str) -> Any:  # noqa: ANN401 (JSON is anything)
    """Return the value of a key.

    Raises:
        MoueError: there is no such key.
    """
    if key not in content:
        raise MoueError(f"{where} has no {key!r}", "every key that moue writes", FIX)
    return content[key]
