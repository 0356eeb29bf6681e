"""The kinds of image sources: a path, an address, bytes, an open file, pixels or a Pillow image."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

import numpy as np
from PIL import Image

from moue.errors import MoueError, SettingError
from moue.media.decode import Decoded, ImageLimits, Status, decode, decode_pillow
from moue.media.urls import decode_address, is_address, local_path, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Source: TypeAlias = str | os.PathLike[str] | bytes | NDArray[np.uint8] | Any
    """A path, an address, a file's bytes, uint8 pixels (H, W), (H, W, 1) or (H, W, 3) RGB, or a Pillow image."""


Color: TypeAlias = Literal["rgb", "bgr"]
"""The order of an array's channels."""


def check_color(color: str) -> None:
    """Check the value of `color`.

    Raises:
        MoueError: it is neither ``"rgb"`` nor ``"bgr"``.
    """
    if color not in get_args(Color):
        raise SettingError(f"color is {color!r}", " or ".join(repr(name) for name in get_args(Color)))


def name_of(source: Source) -> str:
    """Return a path as text, an address without its password; empty for sources without a name."""
    if is_address(source):
        return shown(source)
    return os.fspath(source) if isinstance(source, str | os.PathLike) else ""


def open_source(source: Source, limits: ImageLimits, *, allow_url: bool = False, color: Color = "rgb") -> Decoded:
    """Return an image's upright pixels, uint8 (H, W) or (H, W, 3), or the error as its status.

    Raises:
        MoueError: `source` is of a wrong type.
    """
    if is_address(source):
        path = local_path(source)
        return decode(path, limits) if path else decode_address(source, limits, allowed=allow_url)
    if isinstance(source, bytes | bytearray | memoryview):
        return decode(bytes(source), limits)
    if isinstance(source, str | os.PathLike):
        return decode(Path(source), limits)
    if isinstance(source, Image.Image):
        return decode_pillow(source, limits)
    if isinstance(source, np.ndarray):
        return _from_pixels(source[..., ::-1] if color == "bgr" and source.ndim == 3 else source, limits)
    if hasattr(source, "read"):
        # One byte beyond the limit is enough to refuse it; a stream may never end.
        content = source.read(limits.max_bytes + 1)
        if isinstance(content, bytes):
            return decode(content, limits)
        raise MoueError("the image is a file opened as text", "a file opened with 'rb'")
    raise MoueError(
        f"the image is of type {type(source).__name__}", "a path, bytes, a file, an array or a Pillow image"
    )


def _fix_for(source: NDArray[Any]) -> str:
    if source.ndim == 3 and source.shape[2] == 4:
        return "Remove the alpha channel: image[..., :3]."
    if source.ndim == 3 and source.shape[0] in (1, 3):
        return "Channels come last: image.transpose(1, 2, 0)."
    if source.ndim == 4:
        return "For several images: analyze_many(images)."
    if source.dtype.kind == "f":
        return "Pixels are whole numbers from 0 to 255; for values of 0 to 1: (image * 255).round().astype(np.uint8)."
    if source.dtype == np.uint8:
        return "Rows, columns and channels: image.shape is (H, W) or (H, W, 3)."
    return "Convert it: image.astype(np.uint8), with values from 0 to 255."


def _from_pixels(source: NDArray[Any], limits: ImageLimits) -> Decoded:
    expected = "uint8 (H, W), (H, W, 1) or (H, W, 3) RGB, 0-255"
    plain = source[..., 0] if source.ndim == 3 and source.shape[2] == 1 else source
    if source.dtype != np.uint8 or not (plain.ndim == 2 or (plain.ndim == 3 and plain.shape[2] == 3)):
        raise MoueError(f"the image is {source.dtype} {source.shape}", expected, _fix_for(source))
    height, width = plain.shape[:2]
    if not plain.size:
        return Decoded(Status.EMPTY, message="no pixels")
    if height * width > limits.max_pixels:
        message = f"{width} x {height} pixels, the limit is {limits.max_pixels:,} in all"
        return Decoded(Status.TOO_LARGE, None, width, height, message=message)
    return Decoded(Status.OK, np.ascontiguousarray(plain), width, height)
