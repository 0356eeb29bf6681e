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
    """Redirect file descriptor 2 to the null device while the block runs; exceptions pass through.

    TensorFlow logs from C++ before its log level takes effect, and some messages bypass it. The descriptor belongs to
    the whole process: if several threads are in such a block, the first one redirects it and the last one restores it.
    Without a standard error, as under pythonw, this does nothing.
    """
    _silence.enter()
    try:
        yield
    finally:
        _silence.leave()


class _Silence:
    """Counts the active blocks, and holds the descriptor to restore after the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._depth = 0
        self._before: int | None = None

    def enter(self) -> None:
        with self._lock:
            if self._depth == 0:
                self._before = _redirect_to_null()
            self._depth += 1

    def leave(self) -> None:
        with self._lock:
            self._depth -= 1
            if self._depth == 0 and self._before is not None:
                _flush()
                os.dup2(self._before, 2)
                os.close(self._before)
                self._before = None


def _redirect_to_null() -> int | None:
    """Return a copy of the original descriptor 2; None if it could not be redirected."""
    if sys.stderr is None:
        return None
    _flush()
    try:
        before = os.dup(2)
    except OSError:
        return None
    try:
        null = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        os.close(before)
        return None
    os.dup2(null, 2)
    os.close(null)
    return before


def _flush() -> None:
    # ValueError: the stream is closed.
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            sys.stderr.flush()


_silence = _Silence()
