"""The connection to a Ray cluster, for all that runs on one; needs the extra ``cluster``."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import socket
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MissingExtraError, MoueError, SettingError
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from collections.abc import Iterator

_CONNECT_S: Final = 10.0
_ADDRESS: Final = re.compile(r"auto|local|(ray://)?[^\s/]+:\d{1,5}")


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
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster for the block, and turn what goes wrong with it into errors for people.

    Args:
        address: ``"auto"`` for the cluster of this machine, ``"HOST:PORT"``, or ``"local"`` to start one.

    Yields:
        The module ray.

    Raises:
        MissingExtraError: Ray is not installed.
        SettingError: the address is none.
        MoueError: there is no cluster, it asks for another token, or it fails.
    """
    refuse_address(address)
    ray = import_ray()
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # Ray's own lines about what it repairs itself would stand between those for people; its log files have them.
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
    try:
        yield ray
    except ray.exceptions.RayError as error:
        raise _explained(error) from error
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Raise `OSError` where nothing listens: Ray tries for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_S):
            pass


def _explained(error: BaseException) -> MoueError:
    """Return the error of moue that a node raised, or one that names what Ray says."""
    causes: list[BaseException] = [error]
    while (cause := getattr(causes[-1], "cause", None) or causes[-1].__cause__) is not None and cause not in causes:
        causes.append(cause)
    for cause in causes:
        if type(cause) is MoueError:
            return MoueError(*str(cause).split("\n"))
    said = str(causes[-1]).strip().splitlines() or [type(error).__name__]
    return MoueError(
        f"the cluster failed: {said[-1]}",
        "nodes that have the same versions of Python, Ray and moue, with the same extras",
        "When that is so, the same command resumes.",
    )
