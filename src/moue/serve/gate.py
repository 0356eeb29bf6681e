"""Admission: how many requests may wait, how many bytes may be buffered, and who has the key."""

from __future__ import annotations

import contextlib
import hmac
from typing import TYPE_CHECKING

from moue.serve.problems import HttpError, busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import Request

    from moue.serve.settings import Settings


class Gate:
    """Counts requests and bytes; used by the event loop alone.

    Args:
        settings: The limits.

    Attributes:
        requests: Requests waiting or in progress.
        buffered: Bytes of request bodies in memory.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.requests = 0
        self.buffered = 0

    def check(self) -> None:
        """Refuse a request before its body is read, if there is no room for it.

        Raises:
            HttpError: 503, too many requests are waiting.
        """
        if self.requests >= self._settings.queue:
            raise busy(f"{self.requests} requests are waiting already")

    @contextlib.contextmanager
    def working(self) -> Iterator[None]:
        """Count a request while it waits and is processed.

        Raises:
            HttpError: as `check`.
        """
        self.check()
        self.requests += 1
        try:
            yield
        finally:
            self.requests -= 1

    @contextlib.contextmanager
    def buffering(self) -> Iterator[Callable[[int], None]]:
        """Yield a function that counts bytes kept in memory during the block.

        Raises:
            HttpError: 413, this request has too many bytes; 503, all requests together have too many.
        """
        held = 0

        def hold(count: int) -> None:
            nonlocal held
            held += count
            self.buffered += count
            if held > self._settings.max_bytes:
                raise too_large(f"more than {self._settings.max_bytes:,} bytes", self._settings.max_bytes)
            if self.buffered > self._settings.max_buffered:
                raise busy("the requests that are being received fill the memory set aside for them")

        try:
            yield hold
        finally:
            self.buffered -= held


def too_large(came: str, most: int) -> HttpError:
    """Return the error for a body that is too large."""
    return HttpError(413, f"the body has {came}", f"{most:,} at most", "Send fewer or smaller images.")


def check_key(request: Request, expected: str) -> None:
    """Check that a request has the key, as ``Authorization: Bearer KEY`` or ``X-API-Key: KEY``.

    Raises:
        HttpError: 401, it does not have the key.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
    # Compared in constant time, so that the time a refusal takes reveals nothing about the key.
    if hmac.compare_digest(given.encode(), expected.encode()):
        return
    raise HttpError(
        401,
        "the API key is wrong" if given else "there is no API key",
        "the header 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
        "Ask whoever runs this server for the key.",
        headers={"WWW-Authenticate": "Bearer"},
    )
