"""The connection to a Ray cluster, for everything that runs on one; needs the extra ``cluster``."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MissingExtraError, MoueError, SettingError
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_CONNECT_S: Final = 10.0
_ADDRESS: Final = re.compile(r"auto|local|(ray://)?[^\s/]+:\d{1,5}")
_CHECK_EVERY_S: Final = 5.0
_MAX_SILENCE_S: Final = 20.0
_EVENTS: Final = (
    ("marked dead", "a machine of the cluster was lost; what it was doing is done again"),
    ("worker died", "a process of the cluster ended unexpectedly; what it was doing is done again"),
    ("(OOM)", "a machine of the cluster ran out of memory; what it was doing is done again"),
    ("low on memory", "a machine of the cluster ran out of memory; what it was doing is done again"),
)
"""Ray's text for events that a user should know about, and our message. Ray recovers from all others without a loss."""


def import_ray() -> Any:  # noqa: ANN401 (the module)
    """Import Ray.

    Raises:
        MissingExtraError: Ray is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(error.name or "ray", "cluster") from error
    return ray


def refuse_address(address: str) -> None:
    """Check the syntax of a cluster's address.

    Raises:
        SettingError: it is invalid.
    """
    if not _ADDRESS.fullmatch(address):
        raise SettingError(
            f"the Ray cluster {address!r:.200}",
            "HOST:PORT of a running cluster, auto for the one of this machine, or local",
            "`ray start --head` says which port it listens at.",
        )


@contextlib.contextmanager
def connected(address: str, tell: Callable[[str], None]) -> Iterator[Any]:
    """Connect to a cluster for the block, and turn Ray's failures into readable errors.

    Args:
        address: ``"auto"`` for the cluster of this machine, ``"HOST:PORT"``, or ``"local"`` to start one.
        tell: Called from another thread with a line about a lost machine or another event that does not end the run.

    Yields:
        The module ray.

    Raises:
        MissingExtraError: Ray is not installed.
        SettingError: the address is invalid.
        MoueError: there is no cluster, it requires another token, or it fails.
    """
    refuse_address(address)
    ray = import_ray()
    # Ray's own lines would mix with our messages; its log files have them.
    _silence_data()
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        _check_listens(address)
        with silenced_stderr():  # Ray prints a line about its own silence
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise MoueError(
            f"no Ray cluster at {address}: {str(error).strip().splitlines()[0]}",
            "HOST:PORT of a running cluster, auto for the one of this machine, or local",
            "Start one: ray start --head. If it asks for a token, give this machine the same one.",
        ) from error
    head = getattr(ray.get_runtime_context(), "gcs_address", "")  # unknown to a client (ray://)
    try:
        with _events_reported(ray, tell), _head_watched(head, tell):
            yield ray
    except ray.exceptions.RayError as error:
        raise _error_of(error) from error
    finally:
        ray.shutdown()


def _silence_data() -> None:
    """Keep Ray Data's log off the terminal: errors are raised anyway, and it would also print a traceback."""
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL + 1)


@contextlib.contextmanager
def _events_reported(ray: Any, tell: Callable[[str], None]) -> Iterator[None]:  # noqa: ANN401 (the module)
    """Report in one line each the events in the block for which Ray would print a paragraph to standard output.

    Ray has no option to turn its paragraphs off.
    """
    worker = ray._private.worker

    def report(data: Mapping[str, Any], **_: object) -> None:
        for line in data["lines"]:
            message = next((ours for theirs, ours in _EVENTS if theirs in line), None)
            if message is not None:
                tell(message)

    printer, worker.print_to_stdstream = worker.print_to_stdstream, report
    try:
        yield
    finally:
        worker.print_to_stdstream = printer


def _check_listens(address: str) -> None:
    """Raise `OSError` if nothing listens at the address; Ray itself would retry for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S):
            pass


@contextlib.contextmanager
def _head_watched(address: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Report in the block if the head is gone: Ray waits a minute for it and then ends the process silently.

    Args:
        address: HOST:PORT of the head; if empty, nothing is watched.
        tell: As for `connected`.
    """
    ended = Event()

    def watch() -> None:
        last_seen, reported = time.monotonic(), False
        while not ended.wait(_CHECK_EVERY_S):
            try:
                _check_listens(address)
                last_seen, reported = time.monotonic(), False
            except OSError:
                silent = time.monotonic() - last_seen
                if silent > _MAX_SILENCE_S and not reported:
                    reported = True
                    tell(
                        f"the head of the cluster has not responded for {silent:.0f} s; without it, this command ends "
                        "within a minute, and the same command resumes"
                    )

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _error_of(error: BaseException) -> MoueError:
    """Return the `MoueError` that a node raised, or one with Ray's own message."""
    causes: list[BaseException] = [error]
    while (cause := getattr(causes[-1], "cause", None) or causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, MoueError) and hasattr(cause, "came"):  # Ray derives classes that lack it
            return MoueError(cause.came, cause.expected, cause.fix)  # without the lines that Ray Data adds
    lines = str(causes[-1]).strip().splitlines() or [type(error).__name__]
    return MoueError(
        f"the cluster failed: {lines[-1]}",
        "nodes that have the same versions of Python, Ray and moue, with the same extras",
        "When that is so, the same command resumes. Ray's log files say more.",
    )
