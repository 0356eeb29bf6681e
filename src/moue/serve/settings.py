"""The settings of a server: its models, its limits, its key."""

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
_MIN_KEY_LENGTH: Final = 8
_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@\s]+")
_ORIGIN_FIX: Final = "Give the scheme, the host and any port, and no path: https://example.org."


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings of one server.

    Attributes:
        models: Names, run folders or ONNX files; the first one is the default.
        detector: How faces are found unless a request chooses another detector.
        detector_model: The model file of the detector `yunet`.
        api_key: The key that requests must send; if empty, none is needed.
        cors: Origins whose pages may call the server, such as ``https://example.org``; ``*`` allows any.
        max_bytes: Maximum size of a request body.
        max_pixels: Maximum width times height of an image.
        max_files: Maximum number of images in a request.
        max_faces: Maximum number of faces in a request.
        max_buffered: Maximum number of bytes that all request bodies may occupy together.
        timeout_s: Maximum time for a response once the request has arrived.
        upload_s: Maximum time for a request to arrive.
        drain_s: How long requests in progress may take after SIGTERM.
        queue: Maximum number of requests waiting or in progress; further ones are refused.
        workers: Threads that decode images and find faces; None uses the CPUs available to this process, 8 at most.
        threads: Threads of the model, which classifies the faces of all requests together; None uses half the CPUs.
        batch_size: Maximum number of faces that the model classifies at once.
        device: Where the model runs, as for `moue.Classifier.load`.
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
                "there is no model to serve", "one model or more", "For the shipped one: models=('small',)."
            )
        if self.api_key and (len(self.api_key) < _MIN_KEY_LENGTH or not self.api_key.isascii() or " " in self.api_key):
            raise SettingError(
                "the API key is too short, or has characters that a header cannot carry",
                f"{_MIN_KEY_LENGTH} or more ASCII characters without spaces",
                "Make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
            )
        for origin in self.cors:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise SettingError(f"the origin {origin!r:.200}", "an origin as browsers send it, or *", _ORIGIN_FIX)
        if self.max_buffered < self.max_bytes:
            raise SettingError(f"max_buffered is {self.max_buffered:,}", f"max_bytes ({self.max_bytes:,}) or more")
