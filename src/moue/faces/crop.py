"""Crops a detected face so that it is framed, levelled and sampled like a face of FER2013."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from moue.classifier.preprocess import SEED_INPUT, fit
from moue.errors import MoueError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.classifier.input_spec import InputSpec
    from moue.faces.face import Detector, Face

_MAX_SAMPLES: Final = 4  # per side of an output pixel; beyond, whole pixels are averaged first
_MAX_RELATIVE_SIZE: Final = 4.0
_MIN_EYE_LINE: Final = 0.15

VIEWS: Final = (1.0, 1.08, 0.92)
"""Sizes of the square, relative to the fitted one, over which predictions are averaged; boxes vary by about as much."""

LARGEST_CROP: Final = 64
"""Pixels of the longer side up to which an image without a detected face counts as a face that is already cropped."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """A rotated square in an image.

    Attributes:
        x: Centre in pixels of the image.
        y: As `x`.
        side: Length of its sides in pixels.
        angle: Rotation of the face's own horizontal, in radians, clockwise on the screen.
    """

    x: float
    y: float
    side: float
    angle: float


def frame_of(face: Face, spec: InputSpec = SEED_INPUT, *, level: bool = True, zoom: float = 1.0) -> Frame:
    """Return the square that is cropped for a face.

    Its side is the square root of the box's area times 1 + ``spec.crop_margin``, which does not depend on the rotation
    of the image. Its centre is the box's centre, moved towards the chin by ``spec.crop_shift`` times that root.

    Args:
        face: The detected face.
        spec: The model's input.
        level: Rotate the square so that the line through the eyes is horizontal in it.
        zoom: How much larger the square is than the fitted one.
    """
    size = math.sqrt(face.width * face.height)
    angle = _tilt(face, size) if level else 0.0
    x, y = face.x + face.width / 2, face.y + face.height / 2
    down = spec.crop_shift * size
    return Frame(x - down * math.sin(angle), y + down * math.cos(angle), zoom * size * (1 + spec.crop_margin), angle)


def crop_face(
    image: NDArray[np.uint8], face: Face, spec: InputSpec = SEED_INPUT, *, level: bool = True, zoom: float = 1.0
) -> NDArray[np.uint8]:
    """Return a face as the model's input.

    Where the square extends beyond the image, the image's border is repeated; nothing is stretched. Each pixel of the
    result is the average over the area that it covers.

    Args:
        image: uint8 (H, W) gray or (H, W, 3) RGB.
        face: The face.
        spec: The model's input; its size, colour, `crop_margin` and `crop_shift` are used.
        level: As `frame_of`.
        zoom: As `frame_of`.

    Returns:
        uint8 (height, width, channels), 0-255, as `moue.classifier.preprocess.prepare` takes it.

    Raises:
        MoueError: the face lies outside the image, or is many times as large.
    """
    frame = frame_of(face, spec, level=level, zoom=zoom)
    check_face(face, image.shape[0], image.shape[1])
    part, left, top = _cut(image, frame)
    sampled = Image.fromarray(part)
    target = max(spec.height, spec.width)
    whole = int(frame.side / (_MAX_SAMPLES * target))
    if whole > 1:
        sampled = sampled.reduce(whole)
    else:
        whole = 1
    samples = min(_MAX_SAMPLES, max(1, math.ceil(frame.side / whole / target)))
    size = spec.width * samples, spec.height * samples
    moved = Frame((frame.x - left) / whole, (frame.y - top) / whole, frame.side / whole, frame.angle)
    sampled = sampled.transform(size, Image.Transform.AFFINE, _affine(moved, size), Image.Resampling.BILINEAR)
    return fit(np.asarray(sampled), spec)


def check_face(face: Face, height: int, width: int) -> None:
    """Check that a face can be cropped from an image of (height, width).

    Raises:
        MoueError: the face lies outside the image, or is many times as large.
    """
    outside = face.x >= width or face.y >= height or face.x + face.width <= 0 or face.y + face.height <= 0
    if outside or max(face.width, face.height) > _MAX_RELATIVE_SIZE * max(height, width):
        raise MoueError(
            f"a face's box is (x, y, width, height) = {face.box}",
            f"a box in the image of {width} x {height} pixels",
            "Boxes are in pixels of the upright image.",
        )


def _tilt(face: Face, size: float) -> float:
    """Return the tilt of the face: the angle of the line through the eyes, averaged with that through the mouth."""
    if face.landmarks is None:
        return 0.0
    points = face.landmarks.astype(np.float64)
    across = (points[1] - points[0]) + (points[4] - points[3])
    # In profile the eyes nearly coincide, and the line through them is meaningless.
    if math.hypot(*across) < 2 * _MIN_EYE_LINE * size:
        return 0.0
    return math.atan2(across[1], across[0])


def _cut(image: NDArray[np.uint8], frame: Frame) -> tuple[NDArray[np.uint8], int, int]:
    """Return the axis-aligned part of the image around the square, padded by repetition, and its left and top."""
    half = frame.side / 2 * (abs(math.cos(frame.angle)) + abs(math.sin(frame.angle))) + 2
    left, top = math.floor(frame.x - half), math.floor(frame.y - half)
    right, bottom = math.ceil(frame.x + half), math.ceil(frame.y + half)
    # At least one row and column of the image must remain to be repeated.
    height, width = image.shape[:2]
    inner_left, inner_top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    inner_right, inner_bottom = max(min(right, width), inner_left + 1), max(min(bottom, height), inner_top + 1)
    part = image[inner_top:inner_bottom, inner_left:inner_right]
    borders = [(max(0, inner_top - top), max(0, bottom - inner_bottom))]
    borders += [(max(0, inner_left - left), max(0, right - inner_right)), (0, 0)]
    if any(any(border) for border in borders):
        part = np.pad(part, borders[: image.ndim], mode="edge")
    return np.ascontiguousarray(part), min(left, inner_left), min(top, inner_top)


def _affine(frame: Frame, size: tuple[int, int]) -> tuple[float, float, float, float, float, float]:
    """Return Pillow's six coefficients, which map each pixel of the result to its place in the image."""
    across, down = frame.side / size[0], frame.side / size[1]
    cos, sin = math.cos(frame.angle), math.sin(frame.angle)
    a, b, d, e = across * cos, -down * sin, across * sin, down * cos
    return (
        a,
        b,
        frame.x - a * size[0] / 2 - b * size[1] / 2,
        d,
        e,
        frame.y - d * size[0] / 2 - e * size[1] / 2,
    )


def cut_largest(
    image: NDArray[np.uint8], detector: Detector, spec: InputSpec = SEED_INPUT
) -> tuple[NDArray[np.uint8] | None, int]:
    """Return the crop of the largest face of an image, None if there is none, and the number of faces.

    Args:
        image: uint8 gray (H, W) or (H, W, 1), or RGB (H, W, 3).
        detector: Finds the faces.
        spec: The model's input, which defines the crop.
    """
    is_gray = image.ndim == 2 or image.shape[2] == 1
    faces = detector.detect(np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2) if is_gray else image)
    if not faces:
        return None, 0
    return crop_face(image, max(faces, key=lambda face: face.width * face.height), spec), len(faces)
