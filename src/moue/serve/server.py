"""Runs the application: the socket, signals, and connections that send nothing."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import math
import signal
import socket
from typing import TYPE_CHECKING, Any, Final

from uvicorn import Config
from uvicorn import Server as UvicornServer
from uvicorn.protocols.http.h11_impl import H11Protocol

from moue.errors import MoueError
from moue.serve.app import create_app
from moue.serve.problems import MEDIA_TYPE, HttpError, problem_of

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterator

    from moue.serve.settings import Settings

_KEEP_ALIVE_S: Final = 30
_HEAD_S: Final = 15.0
_LINGER_S: Final = 2.0
_READ_S: Final = 60.0
_HEAD_BYTES: Final = 32 * 1024
_BACKLOG: Final = 2048


def serve(settings: Settings, *, host: str, port: int, on_start: Callable[[str], None]) -> None:
    """Serve requests until SIGTERM or Ctrl-C, then finish those in progress.

    Args:
        settings: The settings of the server.
        host: Name or address to listen on.
        port: Port; 0 takes any free one.
        on_start: Called with the URL once the server accepts requests.

    Raises:
        MoueError: the address cannot be used, or a model cannot be loaded.
    """
    # The socket first: a port in use is reported at once, not after the models have been loaded.
    with listen(host, port) as listener:
        app = create_app(settings)
        _raise_file_limit()
        config = Config(
            app,
            http=Connection,
            ws="none",
            lifespan="on",
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            backlog=_BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=math.ceil(settings.drain_s),
            h11_max_incomplete_event_size=_HEAD_BYTES,
        )
        server = _Server(config, lambda: on_start(address_of(host, listener)))
        server.on_end = lambda: setattr(app.state, "draining", True)
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises:
        MoueError: the host is unknown, or the port is in use or not allowed.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise MoueError(f"the host {host!r:.80} is unknown", "a name or address of this machine", _HOSTS) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        fix = f"Choose another one: --port {port + 1 if port < 65535 else 8000}, or --port 0 for any that is free."
        reason = (error.strerror or str(error)).lower()
        raise MoueError(f"cannot listen at {host} port {port}: {reason}", "a free port", fix) from error
    return listener


_HOSTS: Final = "127.0.0.1 is this machine alone, 0.0.0.0 all its networks."


def address_of(host: str, listener: socket.socket) -> str:
    """Return the URL for a browser."""
    port = listener.getsockname()[1]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_loopback(host: str) -> bool:
    """Return whether a host can be reached only from this machine."""
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


class _Server(UvicornServer):
    """Exits with code 0 after a signal, where uvicorn would raise the signal again."""

    def __init__(self, config: Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start
        self.on_end: Callable[[], None] = lambda: None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.on_end()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {each: signal.signal(each, self.handle_exit) for each in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


class Connection(H11Protocol):
    """A connection that is closed if the head of a request is not complete in time, even if bytes keep trickling in."""

    _head_due: float | None = None
    _refused = False
    _stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start to wait for the first request."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Process received bytes, and keep waiting if the head is not complete."""
        if self._refused:
            return
        super().data_received(data)
        if self._responding or self.timeout_keep_alive_task is not None or self.transport.is_closing():
            self._head_due = None
        else:
            self._expect_head()

    def pause_writing(self) -> None:
        """Start a timer for a client that does not read the response."""
        super().pause_writing()
        self._stuck = self.loop.call_later(_READ_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop the timer: the client reads again, or has disconnected."""
        super().resume_writing()
        if self._stuck is not None:
            self._stuck.cancel()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that is not valid HTTP."""
        self._refuse(HttpError(400, msg.rstrip(".").lower(), "HTTP/1.1"))

    @property
    def _responding(self) -> bool:
        cycle: Any = self.cycle  # None before the first request
        return cycle is not None and not cycle.response_complete

    def _expect_head(self) -> None:
        self._head_due = self._head_due or self.loop.time() + _HEAD_S
        self.timeout_keep_alive_task = self.loop.call_at(self._head_due, self._give_up)

    def _give_up(self) -> None:
        if self.conn.trailing_data[0]:
            self._refuse(
                HttpError(408, f"no complete request arrived within {_HEAD_S:g} s", "its head and an empty line")
            )
        else:
            self.timeout_keep_alive_handler()

    def _refuse(self, error: HttpError) -> None:
        """Send an error, unless a response has started, and close the connection."""
        self._refused = True
        if not (self._responding and self.cycle.response_started):
            problem = problem_of(error, error.status)
            body = json.dumps(problem).encode()
            head = f"HTTP/1.1 {error.status} {problem['title']}\r\nContent-Type: {MEDIA_TYPE}\r\n"
            self.transport.write(f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        # Closing while more bytes arrive would reset the connection, and the client would lose the response.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.close)


def _raise_file_limit() -> None:
    """Allow as many connections as the system does: idle ones soon use up the usual 1,024 files."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 (not on Windows)

        limits: Any = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
