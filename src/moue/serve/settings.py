"""What a server may be told: its models, its limits, its key."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.runtime import CPU
from moue.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

MEBIBYTE: Final = 1024 * 1024
_LEAST_KEY: Final = 8
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")
_ORIGIN_FIX: Final = "Give the scheme, the host and any port, and no path: https://example.org."


@dataclasses.dataclass(frozen=True)
class Settings:
    """The choices of one server.

    Attributes:
        models: Names, run folders or ONNX files; the first one answers where a request names none.
        detector: How faces are found where a request says nothing.
        detector_model: The model file of the detector `yunet`.
        api_key: What a request must bring; empty lets everybody in.
        cors: Origins whose pages may call the server, such as ``https://example.org``; ``*`` is any.
        max_bytes: Largest body of a request.
        max_pixels: Largest width times height of an image.
        max_files: Most images in a request.
        max_faces: Most faces in a request.
        max_buffered: Most bytes that the bodies of all requests may occupy together.
        timeout_s: Longest time for an answer once the request has arrived.
        upload_s: Longest time for a request to arrive.
        drain_s: How long requests may still take after SIGTERM.
        queue: Most requests that wait or are being answered; further ones are refused.
        workers: Threads that decode images and find faces; None takes the CPUs that this process may use, 8 at most.
        threads: Threads of the network, which answers the faces of all requests together; None takes half the CPUs.
        batch_size: Most faces that the network answers at once.
        device: Where the network runs, as for `moue.Classifier.load`.
    """

    models: tuple[str | Path, ...] = (DEFAULT_MODEL,)
    detector: str = "auto"
    detector_model: Path | None = None
    api_key: str = dataclasses.field(default="", repr=False)
    cors: tuple[str, ...] = ()
    max_bytes: int = 32 * MEBIBYTE
    max_pixels: int = 50_000_000
    max_files: int = 32
    max_faces: int = 256
    max_buffered: int = 256 * MEBIBYTE
    timeout_s: float = 30.0
    upload_s: float = 60.0
    drain_s: float = 25.0
    queue: int = 64
    workers: int | None = None
    threads: int | None = None
    batch_size: int = 64
    device: str = CPU

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value: Any = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if number and value <= 0:
                raise SettingError(f"{field.name} is {value}", "a number above 0")
        if not self.models:
            raise SettingError(
                "no model is to be served", "one model or more", "For the shipped one: models=('small',)."
            )
        if self.api_key and (len(self.api_key) < _LEAST_KEY or not self.api_key.isascii() or " " in self.api_key):
            raise SettingError(
                "the API key is too short, or has letters that a header cannot carry",
                f"{_LEAST_KEY} or more ASCII letters without spaces",
                "Make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        for origin in self.cors:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingError(f"the origin {origin!r:.200}", "one as browsers send it, or *", _ORIGIN_FIX)
        if self.max_buffered < self.max_bytes:
            raise SettingError(f"max_buffered is {self.max_buffered:,}", f"max_bytes ({self.max_bytes:,}) or more")
