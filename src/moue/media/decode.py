"""Decoding of untrusted images: every file gives a `Decoded` with a status, never an exception."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import io
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from moue.errors import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BACKGROUND: Final = (255, 255, 255)
"""The color behind transparent pixels: white, as on most screens and on paper."""

# MPO, two JPEG images in one file, is opened by the JPEG plugin.
_FORMATS: Final = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
_DEPTHS: Final = (8, 10, 12, 14, 16)
# Common files that moue does not open as images: (offset, signature, name).
_FOREIGN: Final = (
    (4, b"ftyphei", "a HEIC photograph"),
    (4, b"ftyphev", "a HEIC photograph"),
    (4, b"ftypmif1", "a HEIF photograph"),
    (4, b"ftypavi", "an AVIF image"),
    (4, b"ftyp", "a video"),
    (0, b"\x1a\x45\xdf\xa3", "a video"),
    (8, b"AVI ", "a video"),
    (0, b"%PDF", "a PDF"),
    (0, b"%!PS", "a PostScript file"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"8BPS", "a Photoshop file"),
    (0, b"\x00\x00\x01\x00", "an icon"),
    (0, b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
)


class Status(enum.StrEnum):
    """The outcome for an image."""

    OK = "ok"
    EMPTY = "empty"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"
    NOT_FOUND = "not_found"
    UNSUPPORTED = "unsupported"
    NO_FACE = "no_face"
    FAILED = "failed"


@dataclasses.dataclass(frozen=True)
class ImageLimits:
    """What is refused before it is decoded.

    Attributes:
        max_bytes: Largest file in bytes.
        max_pixels: Largest width times height, read from the header. Above it, Pillow's own limit (twice
            ``PIL.Image.MAX_IMAGE_PIXELS``, about 179 million pixels) still applies.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_pixels: int = 64_000_000

    def __post_init__(self) -> None:
        for name in ("max_bytes", "max_pixels"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} is {getattr(self, name)}", "1 or more")


DEFAULT_LIMITS: Final = ImageLimits()


@dataclasses.dataclass(frozen=True, eq=False)
class Decoded:
    """One image, or the reason why there is none.

    Attributes:
        status: ``"ok"``, or what was wrong.
        image: uint8 (H, W) gray or (H, W, 3) RGB, 0-255, upright; None unless the status is ``"ok"``.
        width: Pixels of the upright image, or of the header if it was refused; 0 if unknown.
        height: As `width`.
        format: Pillow's name of the format, e.g. ``"JPEG"``; empty if unknown.
        message: An error, or a note about an image that is ok; may be empty.
    """

    status: Status
    image: NDArray[np.uint8] | None = None
    width: int = 0
    height: int = 0
    format: str = ""
    message: str = ""


def decode(source: str | Path | bytes, limits: ImageLimits = DEFAULT_LIMITS) -> Decoded:
    """Decode one image from a file or from its bytes; a bad image is a status, never an exception.

    Formats: JPEG, PNG, BMP, GIF, WebP, TIFF, PPM, MPO; AVIF if Pillow supports it; HEIC if pillow-heif is installed.
    The EXIF orientation is applied. An animation gives its first frame. Transparent pixels are composited on
    `BACKGROUND`. Gray of more than 8 bits is scaled from the smallest range that holds it (8, 10, 12, 14 or 16 bits;
    0-1 for floats), and the message says so if that is not the file's own depth. Colour profiles are ignored.

    Args:
        source: A path, or the bytes of a file.
        limits: What is refused, before decoding.
    """
    if isinstance(source, bytes):
        content: bytes | Decoded = source
    else:
        content = read_bytes(Path(source), limits)
    if isinstance(content, Decoded):
        return content
    if len(content) > limits.max_bytes:
        return too_many_bytes(len(content), limits)
    if not content:
        return Decoded(Status.EMPTY, message="the file has no content")
    # Pillow warns about odd metadata and large images; the status covers both.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _decode_bytes(content, limits)


def read_bytes(path: Path, limits: ImageLimits = DEFAULT_LIMITS) -> bytes | Decoded:
    """Return the content of a file, or the error as a status."""
    try:
        info = path.stat()
        if stat.S_ISDIR(info.st_mode):
            return Decoded(Status.UNSUPPORTED, message="a folder, not an image")
        if not stat.S_ISREG(info.st_mode):
            # Reading a pipe or a device might never end.
            return Decoded(Status.UNSUPPORTED, message="not a regular file")
        if info.st_size > limits.max_bytes:
            return too_many_bytes(info.st_size, limits)
        with path.open("rb") as file:
            return file.read(limits.max_bytes + 1)
    except (FileNotFoundError, NotADirectoryError):
        return Decoded(Status.NOT_FOUND, message="no such file")
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        reason = error.strerror if isinstance(error, OSError) else error
        return Decoded(Status.UNREADABLE, message=f"cannot be read: {reason}")


def decode_pillow(image: Image.Image, limits: ImageLimits = DEFAULT_LIMITS) -> Decoded:
    """Return a Pillow image's upright pixels, as `decode` does for its file; a bad image is a status.

    Args:
        image: The image; it is loaded but not changed.
        limits: What is refused, before its pixels are loaded; `max_bytes` does not apply.
    """
    if 0 in image.size:
        return Decoded(Status.EMPTY, message="no pixels")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _decode_image(image, limits, copy=True)


def _decode_bytes(content: bytes, limits: ImageLimits) -> Decoded:
    try:
        with Image.open(io.BytesIO(content), formats=readable_formats()) as opened:
            return _decode_image(opened, limits)
    except UnidentifiedImageError:
        return _unidentified(content)
    except Exception as error:  # noqa: BLE001 (as below)
        return _damaged(error)


def _decode_image(image: Image.Image, limits: ImageLimits, *, copy: bool = False) -> Decoded:
    (width, height), kind = image.size, image.format or ""
    if width * height > limits.max_pixels:
        return _too_many_pixels(width, height, kind, limits)
    try:
        image.load()
        image = image.copy() if copy else image
        _turn_upright(image)
        if 0 in image.size or image.width * image.height > limits.max_pixels:
            return _too_many_pixels(image.width, image.height, kind, limits)
        pixels, depth = _to_uint8(image)
        message = "; ".join(filter(None, (_note(image, kind), depth)))
    except Exception as error:  # noqa: BLE001 (decoders fail on damaged files in every possible way)
        return _damaged(error, width, height, kind)
    return Decoded(Status.OK, pixels, pixels.shape[1], pixels.shape[0], kind, message)


def _damaged(error: Exception, width: int = 0, height: int = 0, kind: str = "") -> Decoded:
    if isinstance(error, Image.DecompressionBombError):
        return Decoded(Status.TOO_LARGE, None, width, height, kind, "more pixels than Pillow opens")
    reason = str(error).strip().splitlines() or [type(error).__name__]
    return Decoded(Status.UNREADABLE, None, width, height, kind, f"damaged: {reason[0][:200]}")


@functools.cache
def readable_formats() -> tuple[str, ...]:
    """Return the names of the image formats that can be read here, as Pillow calls them."""
    found = (*_FORMATS, "AVIF") if features.check("avif") else _FORMATS
    with contextlib.suppress(ImportError):
        import pillow_heif  # noqa: PLC0415 (optional)

        pillow_heif.register_heif_opener()
        found = (*found, "HEIF")
    return found


def _turn_upright(image: Image.Image) -> None:
    # Damaged EXIF data does not make the pixels unreadable.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _note(image: Image.Image, kind: str) -> str:
    """Return a note if a file holds several images, except MPO, in which phones store depth maps."""
    try:
        several = kind != "MPO" and bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 (a damaged second frame does not matter)
        return ""
    return "holds several images: the first was taken" if several else ""


def _to_uint8(image: Image.Image) -> tuple[NDArray[np.uint8], str]:
    """Return a loaded image of any Pillow mode as uint8 (H, W) or (H, W, 3), and a note about its conversion."""
    mode = image.mode
    if mode == "I" or mode.startswith("I;"):
        return _from_integers(np.asarray(image))
    if mode == "F":
        return _from_floats(np.asarray(image))
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGB", layer.size, BACKGROUND)
        image.paste(layer, mask=layer)
    elif mode == "LAB":
        image = _lab_to_rgb(image)
    target = "L" if mode in ("1", "L", "LA", "La") else "RGB"
    return np.asarray(image if image.mode == target else image.convert(target)), ""


def _from_integers(values: NDArray[np.integer]) -> tuple[NDArray[np.uint8], str]:
    """Scale from the smallest usual depth that holds the values: cameras write 12 bits into files of 16."""
    largest = int(values.max())
    if largest > 0xFFFF:
        pixels, _ = _from_floats(np.maximum(values, 0) / largest)
        return pixels, f"values up to {largest:,}: scaled so that the largest is white"
    bits = next(bits for bits in _DEPTHS if largest < 1 << bits)
    whole: NDArray[np.integer] = np.maximum(values, 0) >> (bits - 8)
    note = "" if bits == _DEPTHS[-1] else f"no value above {largest:,} in a file of more bits: read as {bits}-bit gray"
    return whole.astype(np.uint8), note


def _from_floats(values: NDArray[np.floating]) -> tuple[NDArray[np.uint8], str]:
    """Scale floats in 0-1, keep those in 0-255, and stretch any other range to 0-255. NaN is black."""
    pixels: NDArray[np.floating] = np.nan_to_num(values, posinf=0.0, neginf=0.0)
    low, high = float(pixels.min()), float(pixels.max())
    note = ""
    if low >= 0 and high <= 1:
        pixels = pixels * 255.0
    elif low < 0 or high > 255:
        pixels = (pixels - low) * (255.0 / (high - low))
        note = f"values from {low:g} to {high:g}: stretched to 0-255"
    whole: NDArray[np.floating] = np.rint(pixels)
    return whole.astype(np.uint8), note


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    from PIL import ImageCms  # noqa: PLC0415 (rare, and not in every build of Pillow)

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("no conversion from LAB to RGB")
    return converted


def _unidentified(content: bytes) -> Decoded:
    head = content[:64]
    for offset, signature, name in _FOREIGN:
        if head[offset:].startswith(signature):
            fix = " (or: pip install pillow-heif)" if name.startswith("a HE") else ""
            advice = "moue.analyze_stream reads videos" if name == "a video" else "convert it to JPEG or PNG first"
            return Decoded(Status.UNSUPPORTED, message=f"{name}: {advice}{fix}")
    return Decoded(Status.UNREADABLE, message=f"not an image that can be read ({', '.join(readable_formats())})")


def too_many_bytes(count: int, limits: ImageLimits) -> Decoded:
    """Return the status of a file that is not read because of its size."""
    return Decoded(Status.TOO_LARGE, message=f"{count:,} bytes, the limit is {limits.max_bytes:,}")


def _too_many_pixels(width: int, height: int, kind: str, limits: ImageLimits) -> Decoded:
    message = f"{width} x {height} pixels, the limit is {limits.max_pixels:,} in all"
    return Decoded(Status.TOO_LARGE, None, width, height, kind, message)
