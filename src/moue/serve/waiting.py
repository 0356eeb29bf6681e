"""Waiting for an answer: not longer than allowed, and not for a client that has gone."""

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
    """Return what `work` does, whose request has been read to its end.

    What has not begun when the time is over or the client has gone is never done.

    Raises:
        HttpError: 504, the time is over.
        ClientDisconnect: nobody waits for the answer.
    """
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if gone.done():
            raise ClientDisconnect
        fix = "Send fewer or smaller images, or try again when the server has less to do."
        raise HttpError(504, f"there is no answer after {seconds:g} s", "one within that time", fix)
    finally:
        for each in (task, gone):
            each.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await each


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
