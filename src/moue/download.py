"""Fetches a file within limits on size and time; a known file only over HTTPS, checked before it gets its name."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import socket
import string
import threading
import time
import urllib.parse
from typing import TYPE_CHECKING, Any, Final, Self

from moue.errors import MoueError
from moue.files import refuse_existing, replacing

if TYPE_CHECKING:
    import http.client
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK: Final = 1 << 16


class FetchError(MoueError):
    """A URL could not be fetched.

    Attributes:
        reason: Why, without the URL.
        missing: The server says that there is nothing at this URL.
        too_large: The content has more bytes than allowed.
    """

    reason: str = ""
    missing: bool = False
    too_large: bool = False


@dataclasses.dataclass(frozen=True)
class Download:
    """A file that is known before it is fetched.

    Attributes:
        url: Where it is.
        sha256: The expected SHA-256 of its bytes.
        name: Its file name.
        max_bytes: Bytes after which fetching stops.
        schemes: Allowed URL schemes, also for redirects.
        silence_s: Seconds without a response after which fetching stops.
        longest_s: Seconds after which fetching always stops.
    """

    url: str
    sha256: str
    name: str
    max_bytes: int
    schemes: tuple[str, ...] = ("https",)
    silence_s: float = 30.0
    longest_s: float = 300.0


def fetch(download: Download, target: Path, *, overwrite: bool = False) -> Path:
    """Download a file and check it.

    Args:
        download: What to fetch.
        target: The file to write, or an existing folder to write it in.
        overwrite: Replace an existing file.

    Returns:
        The path of the file.

    Raises:
        MoueError: the file exists and `overwrite` is false, the URL has another scheme, the network fails, or the
            downloaded file is not the known one. No file is left behind then.
    """
    if target.is_dir():
        target /= download.name
    refuse_existing(target, overwrite=overwrite)
    with replacing(target, overwrite=overwrite) as temporary, temporary.open("wb") as file:
        digest = hashlib.sha256()
        for chunk in _chunks(download):
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != download.sha256:
            raise MoueError(
                f"{download.url} gave a file with SHA-256 {digest.hexdigest()}",
                f"{download.name} with SHA-256 {download.sha256}",
                "The file there has changed or was damaged in transit. Nothing was written.",
            )
    return target


def fetch_bytes(url: str, *, max_bytes: int, silence_s: float = 10.0, longest_s: float = 60.0) -> bytes:
    """Return the content of a URL, over HTTP or HTTPS; nothing is written.

    Args:
        url: The URL. Whoever chooses it can make this machine send requests, also within its own network.
        max_bytes: Bytes after which fetching stops.
        silence_s: Seconds without a response after which fetching stops.
        longest_s: Seconds after which fetching always stops.

    Raises:
        FetchError: the network fails, there is nothing at the URL, or it has more than `max_bytes`.
        MoueError: the URL, or one it redirects to, has another scheme.
    """
    # People copy URLs with letters and spaces that HTTP does not allow.
    parts = urllib.parse.urlsplit(url)
    path, query = (urllib.parse.quote(part, safe=string.punctuation) for part in (parts.path, parts.query))
    url = urllib.parse.urlunsplit(parts._replace(path=path, query=query))
    unknown = Download(url, "", "it", max_bytes, ("https", "http"), silence_s, longest_s)
    return b"".join(_chunks(unknown))


def _chunks(download: Download) -> Iterator[bytes]:
    """Yield the content of the URL in chunks; every network failure becomes a `MoueError`."""
    import http.client  # noqa: PLC0415 (it imports email and SSL; most runs fetch nothing)

    num_bytes = 0
    deadline = _Deadline(download.longest_s)
    try:
        with deadline, _open(download, deadline) as response:
            expected = response.length
            # One read per chunk, so that a server that sends very slowly is stopped in time.
            while num_bytes != expected and (chunk := response.read1(_CHUNK)):
                num_bytes += len(chunk)
                _refuse_excess(download, num_bytes)
                deadline.left()
                yield chunk
            # A connection cut by the deadline looks like the end of the response.
            if num_bytes != expected:
                deadline.left()
            if num_bytes < (expected or 0):
                raise ConnectionError(f"the connection broke off after {num_bytes:,} of {expected:,} bytes")
    except MoueError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = deadline.reason or getattr(error, "reason", None) or error
        failed = FetchError(
            f"cannot fetch {download.url}: {reason}",
            "a response from the network",
            f"Check the connection, or fetch {download.name} in a browser and give moue its path.",
        )
        failed.reason = str(reason)
        failed.missing = getattr(error, "code", None) in (404, 410)
        raise failed from error


def _refuse_excess(download: Download, num_bytes: int) -> None:
    if num_bytes > download.max_bytes:
        excess = FetchError(f"{download.url} gives more than {download.max_bytes:,} bytes", f"{download.name} alone")
        excess.too_large = True
        raise excess


class _Deadline:
    """Ends a fetch after some seconds, even if the server keeps sending headers, redirects or chunk sizes forever.

    Python's own timeout applies to each read, so another thread shuts down the connection.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds, self._end = seconds, time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    @property
    def reason(self) -> str:
        """The error message once the time is over; empty before."""
        return f"not done after {self._seconds:g} s" if time.monotonic() >= self._end else ""

    def left(self) -> float:
        """Return how many seconds are left; raise `TimeoutError` if there are none."""
        if self.reason:
            raise TimeoutError(self.reason)
        return self._end - time.monotonic()

    def watch(self, connection: http.client.HTTPConnection) -> http.client.HTTPConnection:
        """Make a connection that is not open yet end in time."""
        connect = connection.connect
        connection.timeout = min(connection.timeout or self._seconds, self.left())

        def connect_and_keep() -> None:
            connect()
            with self._lock:
                self._socket = connection.sock
            self.left()

        connection.connect = connect_and_keep  # type: ignore[method-assign]
        return connection

    def _cut(self) -> None:
        with self._lock, contextlib.suppress(OSError):
            if self._socket is not None:
                # The plain connection, also under TLS: a blocked read returns and finds it closed.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _open(download: Download, deadline: _Deadline) -> http.client.HTTPResponse:
    import urllib.request  # noqa: PLC0415 (as above)

    _refuse_scheme(download.url, download.schemes)

    class Redirects(urllib.request.HTTPRedirectHandler):
        """Follows redirects only within the allowed schemes."""

        def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:  # noqa: ANN401 (urllib's own signature)
            _refuse_scheme(newurl, download.schemes)
            # The body of a redirect may be endless, and urllib would read all of it.
            fp.close()
            deadline.left()
            return super().redirect_request(req, fp, code, msg, headers, newurl)

    class Watched(urllib.request.AbstractHTTPHandler):
        """Opens connections that end in time."""

        def do_open(self, http_class: Any, req: Any, **choices: Any) -> Any:  # noqa: ANN401 (as above)
            return super().do_open(lambda *a, **b: deadline.watch(http_class(*a, **b)), req, **choices)

    class Http(Watched, urllib.request.HTTPHandler):
        pass

    class Https(Watched, urllib.request.HTTPSHandler):
        pass

    opener = urllib.request.build_opener(Redirects, Http, Https)
    request = urllib.request.Request(download.url, headers={"User-Agent": "moue"})  # noqa: S310 (scheme checked above)
    response: http.client.HTTPResponse = opener.open(request, timeout=download.silence_s)
    return response


def _refuse_scheme(url: str, schemes: tuple[str, ...]) -> None:
    if urllib.parse.urlsplit(url).scheme not in schemes:
        raise MoueError(f"the address {url}", f"one that begins with {' or '.join(schemes)}://")
