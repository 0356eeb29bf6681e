"""FER2013-C: eleven ways of damaging a face, at five strengths each; NumPy and Pillow only.

It follows ImageNet-C (Hendrycks & Dietterich 2019, arXiv:1903.12261), with strengths for faces of 48x48 pixels. The
random part of a corruption (the noise, the direction of a shift, the gray of a bar) depends on the seed, the corruption
and the pixels of the face. So a face gets the same damage in any order, batch or data set, and the same direction at
every strength. The images are not stored: this code and a seed define the data set.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import math
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from PIL import Image

from moue.errors import MoueError
from moue.media.pixels import resize

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Faces: TypeAlias = NDArray[np.uint8]
    Planes: TypeAlias = NDArray[np.float32]
    """float32 (n, 48, 48), 0-255; a result may lie outside and is clipped."""

STRENGTHS: Final = (1, 2, 3, 4, 5)
SIDE: Final = 48
_EYES, _MOUTH = 17, 37
"""Rows of the middle of the eyes and of the mouth in the mean face of FER2013's Training split."""

_BAR: Final = slice(3, 45)  # columns that a bar covers
_MARGIN: Final = 16  # pixels that are added around a face before it is rotated


@dataclasses.dataclass(frozen=True)
class Corruption:
    """One way of damaging faces.

    Attributes:
        name: Its name in results.
        summary: What it does, and what the strengths mean, in one line.
        levels: What each strength from 1 to 5 stands for, in the unit that `summary` names.
        apply: Maps faces (n, 48, 48), a level and one random generator per face to damaged faces.
    """

    name: str
    summary: str
    levels: tuple[float, float, float, float, float]
    apply: Callable[[Planes, float, list[np.random.Generator]], Planes]


def corrupt(images: Faces, name: str, strength: int, *, seed: int = 0) -> Faces:
    """Return damaged copies of faces.

    Args:
        images: uint8 (n, 48, 48, 1), 0-255.
        name: A name of `list_corruptions`.
        strength: 1 (slight) to 5 (severe).
        seed: Another seed gives other noise, directions and bars.

    Returns:
        uint8 (n, 48, 48, 1).

    Raises:
        MoueError: there is no such corruption or strength, or the images have another shape.
    """
    if name not in _CORRUPTIONS:
        raise MoueError(f"unknown corruption {name!r}", f"one of {', '.join(_CORRUPTIONS)}")
    if strength not in STRENGTHS:
        raise MoueError(f"strength {strength}", "1 to 5")
    if not isinstance(images, np.ndarray):
        raise MoueError(f"faces are of type {type(images).__name__}", f"a uint8 array (n, {SIDE}, {SIDE}, 1)")
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE, 1):
        raise MoueError(f"faces are {images.dtype} {images.shape}", f"uint8 (n, {SIDE}, {SIDE}, 1)")
    if not len(images):
        return images.copy()
    corruption = _CORRUPTIONS[name]
    draws = [_generator(image, name, seed) for image in images]
    damaged = corruption.apply(images[..., 0].astype(np.float32), corruption.levels[strength - 1], draws)
    rounded: Faces = np.rint(np.clip(damaged, 0, 255)).astype(np.uint8)[..., None]
    return rounded


def list_corruptions() -> dict[str, Corruption]:
    """Return the corruptions by name."""
    return dict(_CORRUPTIONS)


def _generator(image: NDArray[np.uint8], name: str, seed: int) -> np.random.Generator:
    digest = hashlib.blake2b(image.tobytes(), digest_size=16, key=f"{seed}-{name}".encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def _noise(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    noise = [draw.standard_normal(faces.shape[1:], np.float32) for draw in draws]
    damaged: Planes = faces + np.float32(level) * np.reshape(noise, faces.shape)
    return damaged


def _blur(faces: Planes, level: float, _draws: list[np.random.Generator]) -> Planes:
    distance = np.arange(SIDE)[:, None] - np.arange(-SIDE, 2 * SIDE)
    weights = np.exp(-np.square(distance / level) / 2)
    kernel: NDArray[np.float32] = np.zeros((SIDE, SIDE), np.float32)
    # Pixels outside the face repeat its edge.
    nearest = np.clip(np.arange(-SIDE, 2 * SIDE), 0, SIDE - 1)
    np.add.at(kernel.T, nearest, (weights / weights.sum(axis=1, keepdims=True)).T)
    return (kernel @ faces @ kernel.T).astype(np.float32)


def _motion(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    """Average along a line of `level` pixels, in a random direction."""
    reach = math.ceil(level / 2)
    return smear(faces, np.stack([line_kernel(level, draw.uniform(0, math.pi), reach) for draw in draws]))


def smear(faces: Planes, kernels: NDArray[np.float32]) -> Planes:
    """Convolve each face (n, H, W) with a kernel of its own, (n, 2 * reach + 1, 2 * reach + 1); edges repeat."""
    height, width = faces.shape[1:]
    reach = kernels.shape[1] // 2
    padded = np.pad(faces, ((0, 0), (reach, reach), (reach, reach)), mode="edge")
    result: Planes = np.zeros_like(faces)
    for row, column in np.argwhere(kernels.any(axis=0)):
        weights = kernels[:, row, column]
        result += weights[:, None, None] * padded[:, row : row + height, column : column + width]
    return result


def line_kernel(length: float, angle: float, reach: int) -> NDArray[np.float32]:
    """Return the kernel of a line through the middle, each point shared among the four pixels around it.

    Args:
        length: Of the line, in pixels, at most twice `reach`.
        angle: Of the line, in radians.
        reach: Pixels on each side of the middle of the kernel.
    """
    steps = np.linspace(-(length - 1) / 2, (length - 1) / 2, 4 * math.ceil(length) + 1)
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1))
    rows, columns = reach + steps * math.sin(angle), reach + steps * math.cos(angle)
    low_rows, low_columns = np.floor(rows).astype(int), np.floor(columns).astype(int)
    for down in (0, 1):
        for right in (0, 1):
            share = (1 - np.abs(low_rows + down - rows)) * (1 - np.abs(low_columns + right - columns))
            inside = share > 0
            np.add.at(kernel, ((low_rows + down)[inside], (low_columns + right)[inside]), share[inside])
    line: NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return line


def _jpeg(faces: Planes, level: float, _draws: list[np.random.Generator]) -> Planes:
    return _each(faces, lambda face: _through_jpeg(face, int(level)))


def _through_jpeg(face: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="JPEG", quality=quality)
    with Image.open(buffer) as image:
        return np.asarray(image)


def _contrast(faces: Planes, level: float, _draws: list[np.random.Generator]) -> Planes:
    means = faces.mean(axis=(1, 2), keepdims=True)
    damaged: Planes = means + np.float32(level) * (faces - means)
    return damaged


def _brightness(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    signs = np.array([draw.choice((-1, 1)) for draw in draws], np.float32)
    return faces + np.float32(level) * signs[:, None, None]


def _pixelate(faces: Planes, level: float, _draws: list[np.random.Generator]) -> Planes:
    small = (int(level), int(level))
    return _each(faces, lambda face: resize(resize(face, small), (SIDE, SIDE)))


def _cover(faces: Planes, height: float, draws: list[np.random.Generator], middle: int) -> Planes:
    """Put a bar of one gray over some rows."""
    top = middle - int(height) // 2
    result = faces.copy()
    grays = np.array([draw.uniform(0, 255) for draw in draws], np.float32)
    result[:, max(top, 0) : top + int(height), _BAR] = grays[:, None, None]
    return result


def _eyes(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    return _cover(faces, level, draws, _EYES)


def _mouth(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    return _cover(faces, level, draws, _MOUTH)


def _rotation(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    signs = iter([int(draw.choice((-1, 1))) for draw in draws])

    def rotate(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
        larger = Image.fromarray(np.pad(face, _MARGIN, mode="edge"))
        return np.asarray(larger.rotate(next(signs) * level, Image.Resampling.BILINEAR))[
            _MARGIN:-_MARGIN, _MARGIN:-_MARGIN
        ]

    return _each(faces, rotate)


def _shift(faces: Planes, level: float, draws: list[np.random.Generator]) -> Planes:
    angles = np.array([draw.uniform(0, 2 * math.pi) for draw in draws])
    offsets = (np.rint(level * function(angles)).astype(int)[:, None] for function in (np.sin, np.cos))
    rows, columns = (np.clip(np.arange(SIDE) + offset, 0, SIDE - 1) for offset in offsets)
    moved: Planes = faces[np.arange(len(faces))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved


def _each(faces: Planes, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Planes:
    result = np.empty_like(faces)
    for position, face in enumerate(faces.astype(np.uint8)):
        result[position] = change(face)
    return result


_CORRUPTIONS: Final = {
    entry.name: entry
    for entry in (
        Corruption("noise", "Gaussian noise, standard deviation in gray levels", (8, 16, 26, 38, 52), _noise),
        Corruption("blur", "Gaussian blur, standard deviation in pixels", (0.6, 1, 1.5, 2, 2.8), _blur),
        Corruption("motion", "blur along a line in a random direction, length in pixels", (3, 5, 7, 10, 13), _motion),
        Corruption("jpeg", "JPEG, Pillow's quality", (40, 25, 15, 9, 5), _jpeg),
        Corruption("contrast", "contrast, factor", (0.6, 0.4, 0.25, 0.15, 0.08), _contrast),
        Corruption("brightness", "brighter or darker, gray levels", (30, 60, 90, 120, 150), _brightness),
        Corruption("pixelate", "a small face enlarged again, its side in pixels", (32, 24, 20, 16, 12), _pixelate),
        Corruption("eyes", "a bar of random gray over the eyes, height in pixels", (4, 8, 11, 14, 18), _eyes),
        Corruption("mouth", "a bar of random gray over the mouth, height in pixels", (4, 8, 11, 14, 18), _mouth),
        Corruption("rotation", "turned left or right, degrees", (6, 12, 20, 30, 45), _rotation),
        Corruption("shift", "moved in a random direction, pixels", (2, 4, 6, 9, 12), _shift),
    )
}
