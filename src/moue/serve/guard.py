"""Around every request: headers, a line in the log, figures, and an answer whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect

from moue.serve.problems import HttpError, answer, busy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from moue.serve.metrics import Metrics

_log: Final = logging.getLogger("moue.serve")
_DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
# Pages may use threads (SharedArrayBuffer) only where nothing foreign can be in their process.
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
_NOBODY: Final = 499  # how servers note that the client went before the answer
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


class Guard:
    """An ASGI middleware, the outermost one.

    Args:
        app: The application.
        metrics: Told about each request.
        page_policy: Content-Security-Policy of the page.
        shared: Whether pages of other origins may read the answers.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, page_policy: str, shared: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._page_policy = page_policy
        self._headers = {**_HEADERS, "Cross-Origin-Resource-Policy": "cross-origin" if shared else "same-origin"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        data = scope["path"].startswith(_DATA)
        headers = {**self._headers, "Content-Security-Policy": _DATA_POLICY if data else self._page_policy}
        if data:
            headers["Cache-Control"] = "no-store"
        exchange = _Exchange(receive, send, headers)
        await self._answer(scope, exchange)
        seconds = time.perf_counter() - start
        route = getattr(scope.get("route"), "path", "") or ("other" if data else "page")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requested(method, route, exchange.status, seconds)
        # The pattern of the address, never the address itself: it could hold what a client wants in the log.
        level = logging.INFO if data or exchange.status >= 400 else logging.DEBUG  # a page has many files
        _log.log(level, "%s %s %d %.0f ms", method, route, exchange.status, 1e3 * seconds)

    async def _answer(self, scope: Scope, exchange: _Exchange) -> None:
        error: HttpError | None = None
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or _NOBODY
        except asyncio.CancelledError:
            error = busy("the server is ending")
        except Exception as failure:
            if exchange.status:
                raise  # half an answer is out: only closing the connection can tell that it is no whole one
            _log.error("a request failed: %s", type(failure).__name__, exc_info=failure)
            error = HttpError(500, "moue failed on this request", fix="Please report it, with the server's log.")
        if error is not None and not exchange.status:
            await answer(scope["path"], error)(scope, exchange.receive, exchange.send)


class _Exchange:
    """A request's two channels: watches what was read and answered, and adds headers."""

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
        """Read what a refused client still sends, for a while: one that is cut off does not read its answer."""
        left = _LINGER_BYTES
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                while self._unread and left > 0:
                    left -= len((await self.receive()).get("body", b""))
