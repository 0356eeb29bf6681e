"""The command line: parse, call one library function, print its result, turn errors into exit codes."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["main"]

STOPPED = 130
"""The exit code of a command that Ctrl-C stopped, as shells expect it."""


class _Interrupts:
    """Remembers that Ctrl-C was pressed, because a library that is being imported may raise its own error instead."""

    def __init__(self) -> None:
        self.pressed = False

    def watch(self) -> None:
        # A handler that the caller has set, for example with `nohup`, stays.
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            signal.signal(signal.SIGINT, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        signal.default_int_handler(number, frame)


def main() -> None:
    """Run the command line; exit code 0, 1 for wrong input, 2 for wrong usage, 130 after Ctrl-C."""
    interrupts = _Interrupts()
    try:
        interrupts.watch()
        from moue.cli.app import run

        run(lambda: interrupts.pressed)
    except KeyboardInterrupt:
        _stop()
    except Exception:
        if not interrupts.pressed:
            raise
        _stop()


def _stop() -> None:
    print("stopped", file=sys.stderr)  # noqa: T201 (nothing else may be loaded yet)
    sys.exit(STOPPED)
