"""The images of a request: read from multipart or JSON, within the limits, and never written to disk."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Request  # noqa: TC002 (FastAPI reads the annotation)
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from moue.errors import MoueError
from moue.serve.gate import too_large
from moue.serve.problems import HttpError, invalid

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from moue.serve.gate import Gate
    from moue.serve.settings import Settings

MULTIPART: Final = "multipart/form-data"
JSON: Final = "application/json"
_NAME_LENGTH: Final = 255
_BASE64: Final = "^(data:[a-z]+/[a-z]+;base64,)?([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
# A gray square as a PNG file.
_GRAY: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAADAAAAAwCAAAAAByaaZbAAAAIklEQVR42mNsYCANMDGMahjVMKphVMOo"
    "hlENoxpGNYwoDQBaCgDg4kqigQAAAABJRU5ErkJggg=="
)


@dataclasses.dataclass(frozen=True)
class Upload:
    """One image of a request.

    Attributes:
        name: The file name that the client sent; empty in JSON.
        content: The bytes of the file.
    """

    name: str
    content: bytes = dataclasses.field(repr=False)


class ImagesBody(BaseModel):
    """Images as JSON."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"images": [_GRAY]}]})
    images: Annotated[
        list[Annotated[str, Field(json_schema_extra={"contentEncoding": "base64", "pattern": _BASE64})]],
        Field(min_length=1, description="The files of the images, in base64."),
    ]


class _InMemory(MultiPartParser):
    spool_max_size = sys.maxsize  # images are never written to disk


@contextlib.asynccontextmanager
async def receive_images(request: Request, gate: Gate, settings: Settings) -> AsyncIterator[list[Upload]]:
    """Yield the images of a request; the gate counts their bytes during the block.

    Raises:
        HttpError: the body is of another type, too large, too slow or malformed.
    """
    kind = media_type(request, MULTIPART, JSON)
    async with receive(request, gate, settings) as body:
        if kind == MULTIPART:
            uploads = await _from_multipart(request, body, settings)
        else:
            content = await joined(body)
            uploads = await asyncio.to_thread(_from_json, content)
        if len(uploads) > settings.max_files:
            raise _too_many_files(len(uploads), settings)
        yield uploads


@contextlib.asynccontextmanager
async def receive(request: Request, gate: Gate, settings: Settings) -> AsyncIterator[AsyncGenerator[bytes]]:
    """Yield the body of a request in pieces, within the limits on size and time.

    Raises:
        HttpError: 413, 408 or 503.
    """
    gate.check()
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > settings.max_bytes:
        raise too_large(f"{int(declared):,} bytes", settings.max_bytes)
    with gate.buffering() as hold:
        body = _pieces(request, settings.upload_s, hold)
        async with contextlib.aclosing(body):
            yield body


def media_type(request: Request, *allowed: str) -> str:
    """Return the media type of a body.

    Raises:
        HttpError: 415, the type is not allowed, or the body is compressed.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    coding = request.headers.get("content-encoding", "identity").lower()
    if coding != "identity":
        raise HttpError(415, f"the body has the encoding {coding!r:.40}", "a body without one", "Send it uncompressed.")
    if kind not in allowed:
        came = f"the body is of the type {kind!r:.80}" if kind else "the body has no type"
        raise HttpError(415, came, " or ".join(filter(None, allowed)), "For a file: curl -F image=@party.jpg ADDRESS")
    return kind


async def joined(body: AsyncGenerator[bytes]) -> bytes:
    """Return the whole body."""
    content = bytearray()
    async for piece in body:
        content += piece
    return bytes(content)


async def _pieces(request: Request, seconds: float, hold: Callable[[int], None]) -> AsyncGenerator[bytes]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    stream = request.stream()
    while True:
        try:
            async with asyncio.timeout_at(deadline):
                piece = await anext(stream, None)
        except TimeoutError as error:
            fix = "Send smaller images, or over a faster connection."
            raise HttpError(408, f"the body has not arrived after {seconds:g} s", "a faster one", fix) from error
        if piece is None:
            return
        hold(len(piece))
        yield piece


async def _from_multipart(request: Request, body: AsyncGenerator[bytes], settings: Settings) -> list[Upload]:
    # Allow one more file than the limit, so that the error message is ours.
    parser = _InMemory(request.headers, body, max_files=settings.max_files + 1, max_fields=settings.max_files)
    try:
        form = await parser.parse()
    except (MultiPartException, ValueError) as error:
        if isinstance(error, MoueError):
            raise
        if isinstance(error, MultiPartException) and error.message.startswith("Too many files"):
            raise _too_many_files(settings.max_files + 1, settings) from error
        came = f"the multipart body cannot be read: {error!s:.200}"
        raise HttpError(400, came, "multipart/form-data as browsers and curl send it") from error
    async with contextlib.AsyncExitStack() as stack:
        files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        for part in files:
            stack.push_async_callback(part.close)
        fields = [name for name, part in form.multi_items() if not isinstance(part, UploadFile)]
        if fields:
            came = f"the form has the field {fields[0]!r:.80}, which is not a file"
            raise HttpError(422, came, "files only", "Options go into the URL: ?views=1. A file: -F image=@FILE")
        if not files:
            raise HttpError(422, "the form holds no file", "one image or more", "With curl: -F image=@party.jpg")
        return [Upload(_clean(part.filename), await part.read()) for part in files]


def _clean(name: str | None) -> str:
    return (name or "")[:_NAME_LENGTH].encode("utf-8", "replace").decode()


def _from_json(content: bytes) -> list[Upload]:
    try:
        body = ImagesBody.model_validate_json(content)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise invalid(faults, 400 if faults[0]["type"] == "json_invalid" else 422) from error
    return [Upload("", _decoded(index, text)) for index, text in enumerate(body.images)]


def _decoded(index: int, text: str) -> bytes:
    # Browsers turn files into data URLs: data:image/png;base64,...
    plain = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, ValueError) as error:
        came = f"images[{index}] is not base64"
        raise HttpError(422, came, "the bytes of a file in base64", "URLs are not fetched.") from error


def _too_many_files(count: int, settings: Settings) -> HttpError:
    return HttpError(413, f"{count} images or more", f"{settings.max_files} at most", "Send several requests.")
