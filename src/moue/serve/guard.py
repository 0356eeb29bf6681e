"""Wraps every request: headers, a log line, metrics, and a response whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect

from moue.serve.problems import HttpError, busy, error_response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from moue.serve.metrics import Metrics

_log: Final = logging.getLogger("moue.serve")
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
# Browsers allow threads (SharedArrayBuffer) only on pages that are isolated from other origins.
_HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_DATA: Final = ("/v1", "/v2", "/health", "/metrics", "/openapi.json")
_LINGER_S: Final = 2.0
_LINGER_BYTES: Final = 64 * 1024 * 1024
_CLIENT_CLOSED: Final = 499  # what servers usually log if the client left before the response
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Guard:
    """An ASGI middleware, the outermost one.

    Args:
        app: The application.
        metrics: Counts each request.
        page_policy: Content-Security-Policy of the page.
        shared: Whether pages of other origins may read the responses.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, page_policy: str, shared: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._page_policy = page_policy
        self._headers = {**_HEADERS, "Cross-Origin-Resource-Policy": "cross-origin" if shared else "same-origin"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        data = scope["path"].startswith(_DATA)
        headers = {**self._headers, "Content-Security-Policy": _DATA_POLICY if data else self._page_policy}
        if data:
            headers["Cache-Control"] = "no-store"
        exchange = _Exchange(receive, send, headers)
        await self._respond(scope, exchange)
        seconds = time.perf_counter() - start
        route = getattr(scope.get("route"), "path", "") or ("other" if data else "page")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.count_request(method, route, exchange.status, seconds)
        # Log the route's pattern, never the path itself: a client could use the path to write into the log.
        level = logging.INFO if data or exchange.status >= 400 else logging.DEBUG  # the page has many files
        _log.log(level, "%s %s %d %.0f ms", method, route, exchange.status, 1e3 * seconds)

    async def _respond(self, scope: Scope, exchange: _Exchange) -> None:
        error: HttpError | None = None
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or _CLIENT_CLOSED
        except asyncio.CancelledError:
            error = busy("the server is shutting down")
        except Exception as failure:
            if exchange.status:
                raise  # part of the response is sent: only closing the connection shows that it is incomplete
            _log.error("a request failed: %s", type(failure).__name__, exc_info=failure)
            error = HttpError(500, "moue failed on this request", fix="Please report it, with the server's log.")
        if error is not None and not exchange.status:
            await error_response(scope["path"], error)(scope, exchange.receive, exchange.send)


class _Exchange:
    """The two channels of a request: tracks what was received and sent, and adds headers."""

    def __init__(self, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        self._receive = receive
        self._send = send
        self._headers = headers
        self._unread = True
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._unread = False
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers.setdefault(name, value)
        elif message["type"] == "http.response.body" and not message.get("more_body", False) and self.status >= 400:
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _linger(self) -> None:
        """Keep reading from a refused client for a while: if it is cut off, it does not read the response."""
        left = _LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while self._unread and left > 0:
                    left -= len((await self.receive()).get("body", b""))
