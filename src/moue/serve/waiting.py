"""Waiting for a result: no longer than allowed, and not after the client has disconnected."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import ClientDisconnect

from moue.serve.problems import HttpError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from fastapi import Request

T = TypeVar("T")


async def in_time(request: Request, work: Coroutine[None, None, T], seconds: float) -> T:
    """Return the result of `work`; the request's body must have been read completely.

    Work that has not begun is cancelled when the time is over or the client disconnects.

    Raises:
        HttpError: 504, the time is over.
        ClientDisconnect: the client has disconnected.
    """
    task = asyncio.ensure_future(work)
    disconnected = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, disconnected}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if disconnected.done():
            raise ClientDisconnect
        fix = "Send fewer or smaller images, or try again when the server is less busy."
        raise HttpError(504, f"there is no result after {seconds:g} s", "a result within that time", fix)
    finally:
        for each in (task, disconnected):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await each


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
