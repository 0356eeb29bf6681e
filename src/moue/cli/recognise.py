"""Commands of the recognising half: predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

COMMANDS: Final[tuple[Callable[..., Any], ...]] = ()
