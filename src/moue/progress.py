"""How every long job reports its progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with how much is done and how much there is in all, None where that is unknown."""


def ignore_progress(_done: int, _total: int | None) -> None:
    """Take a report and do nothing: for callers who do not watch."""
