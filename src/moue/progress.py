"""How long jobs report their progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the amount done and the total, which is None if unknown."""


def ignore_progress(_done: int, _total: int | None) -> None:
    """Ignore a progress report: the default for callers that do not need it."""
