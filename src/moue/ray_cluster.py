"""The connection to a Ray cluster, for all that runs on one; needs the extra ``cluster``."""

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
_BETWEEN_LOOKS_S: Final = 5.0
_SILENT_S: Final = 20.0
_EVENTS: Final = (
    ("marked dead", "a machine of the cluster was lost; what it was doing is done again"),
    ("worker died", "a process of the cluster ended unexpectedly; what it was doing is done again"),
    ("(OOM)", "a machine of the cluster ran out of memory; what it was doing is done again"),
    ("low on memory", "a machine of the cluster ran out of memory; what it was doing is done again"),
)
"""What Ray says about events that a user should know, and that in our words. It repairs the others without a loss."""


def import_ray() -> Any:  # noqa: ANN401 (the module)
    """Import Ray.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError(error.name or "ray", "cluster") from error
    return ray


def refuse_address(address: str) -> None:
    """Check how the address of a cluster is written.

    Raises:
        SettingError: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise SettingError(
            f"the Ray cluster {address!r:.200}",
            "HOST:PORT of a running cluster, auto for the one of this machine, or local",
            "`ray start --head` says which port it listens at.",
        )


@contextlib.contextmanager
def connected(address: str, tell: Callable[[str], None]) -> Iterator[Any]:
    """Connect to a cluster for the block, and turn what goes wrong with it into errors for people.

    Args:
        address: ``"auto"`` for the cluster of this machine, ``"HOST:PORT"``, or ``"local"`` to start one.
        tell: Is told in a line, from another thread, of lost machines and the like, which end nothing.

    Yields:
        The module ray.

    Raises:
        MissingExtraError: Ray is not installed.
        SettingError: the address is none.
        MoueError: there is no cluster, it asks for another token, or it fails.
    """
    refuse_address(address)
    ray = import_ray()
    # Ray's own lines would stand between those for people; its log files have them.
    _silence_data()
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        _check_answers(address)
        with silenced_stderr():  # it says that it was told to say nothing
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, include_dashboard=None)
    except (OSError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise MoueError(
            f"no Ray cluster at {address}: {str(error).strip().splitlines()[0]}",
            "HOST:PORT of a running cluster, auto for the one of this machine, or local",
            "Start one: ray start --head. If it asks for a token, give this machine the same one.",
        ) from error
    head = getattr(ray.get_runtime_context(), "gcs_address", "")  # a client (ray://) does not know it
    try:
        with _events_told(ray, tell), _head_watched(head, tell):
            yield ray
    except ray.exceptions.RayError as error:
        raise _explained(error) from error
    finally:
        ray.shutdown()


def _silence_data() -> None:
    """Keep Ray Data from the terminal: what goes wrong comes as an exception, and it would print a traceback too."""
    for handler in logging.getLogger("ray.data").handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setLevel(logging.CRITICAL + 1)


@contextlib.contextmanager
def _events_told(ray: Any, tell: Callable[[str], None]) -> Iterator[None]:  # noqa: ANN401 (the module)
    """Tell of events in the block that Ray would print to standard output, each in a paragraph; it has no switch."""
    worker = ray._private.worker

    def heard(data: Mapping[str, Any], **_: object) -> None:
        for line in data["lines"]:
            words = next((ours for theirs, ours in _EVENTS if theirs in line), None)
            if words is not None:
                tell(words)

    printer, worker.print_to_stdstream = worker.print_to_stdstream, heard
    try:
        yield
    finally:
        worker.print_to_stdstream = printer


def _check_answers(address: str) -> None:
    """Raise `OSError` where nothing listens: Ray tries for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S):
            pass


@contextlib.contextmanager
def _head_watched(address: str, tell: Callable[[str], None]) -> Iterator[None]:
    """Tell in the block when the head has gone: Ray waits a minute for it and then ends the process without a word.

    Args:
        address: HOST:PORT of the head; "": nothing is watched.
        tell: As for `connected`.
    """
    ended = Event()

    def look() -> None:
        answered, told = time.monotonic(), False
        while not ended.wait(_BETWEEN_LOOKS_S):
            try:
                _check_answers(address)
                answered, told = time.monotonic(), False
            except OSError:
                silent = time.monotonic() - answered
                if silent > _SILENT_S and not told:
                    told = True
                    tell(
                        f"the head of the cluster has not answered for {silent:.0f} s; without it, this command ends "
                        "within a minute, and the same command resumes"
                    )

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()


def _explained(error: BaseException) -> MoueError:
    """Return the error of moue that a node raised, or one that names what Ray says."""
    causes: list[BaseException] = [error]
    while (cause := getattr(causes[-1], "cause", None) or causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    for cause in causes:
        if isinstance(cause, MoueError) and hasattr(cause, "came"):  # Ray derives classes that lack it
            return MoueError(cause.came, cause.expected, cause.fix)  # Ray Data adds lines of its own to the text
    said = str(causes[-1]).strip().splitlines() or [type(error).__name__]
    return MoueError(
        f"the cluster failed: {said[-1]}",
        "nodes that have the same versions of Python, Ray and moue, with the same extras",
        "When that is so, the same command resumes. Ray's log files say more.",
    )
