"""Keeping libraries from writing to the user's terminal."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def silenced_stderr() -> Iterator[None]:
    """Send file descriptor 2 to nowhere while the block runs; exceptions pass as ever.

    TensorFlow logs from C++ before its log level counts, and past it. The descriptor is that of the whole process:
    where several threads are in such a block, the first one silences it and the last one restores it. Without a
    standard error, as under pythonw, nothing is done.
    """
    _silence.enter()
    try:
        yield
    finally:
        _silence.leave()


class _Silence:
    """How many blocks want silence, and the descriptor that is put back after the last of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._before: int | None = None

    def enter(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._before = _send_to_nowhere()
            self._depth += 1

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._before is not None:
                _flush()
                os.dup2(self._before, 2)
                os.close(self._before)
                self._before = None


def _send_to_nowhere() -> int | None:
    """Return a copy of descriptor 2 as it was; None where it could not be silenced."""
    if sys.stderr is None:
        return None
    _flush()
    try:
        before = os.dup(2)
    except OSError:
        return None
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        os.close(before)
        return None
    os.dup2(nowhere, 2)
    os.close(nowhere)
    return before


def _flush() -> None:
    # ValueError: it is closed.
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            sys.stderr.flush()


_silence = _Silence()
