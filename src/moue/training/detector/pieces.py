"""Image operations for canvases: cropping, pasting, masking, scrambling and degrading."""

from __future__ import annotations

import math
from io import BytesIO
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MAX_OVERLAP: Final = 0.15


def crop(
    image: NDArray[np.uint8], scale: float, corner: tuple[float, float], side: int
) -> tuple[NDArray[np.float32], float, float]:
    """Return float32 (side, side) of an image at `scale` from `corner` (x, y), its border repeated; and x and y."""
    left, top = float(corner[0]), float(corner[1])
    x0, y0 = math.floor(left / scale), math.floor(top / scale)
    x1, y1 = math.ceil((left + side) / scale) + 1, math.ceil((top + side) / scale) + 1
    rows = np.clip(np.arange(y0, y1), 0, image.shape[0] - 1)
    columns = np.clip(np.arange(x0, x1), 0, image.shape[1] - 1)
    cut = Image.fromarray(image[rows[:, None], columns])
    box = (left / scale - x0, top / scale - y0, (left + side) / scale - x0, (top + side) / scale - y0)
    return np.asarray(cut.resize((side, side), Image.Resampling.BILINEAR, box=box), np.float32), left, top


def paste(
    canvas: NDArray[np.float32],
    piece: NDArray[np.uint8],
    scale: float,
    angle: float,
    centre: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Paste a rotated piece on a canvas in place, through a mask; its light may be matched to its surroundings."""
    size = max(4, round(piece.shape[0] * scale))
    image = Image.fromarray(np.ascontiguousarray(piece)).resize((size, size), Image.Resampling.BILINEAR)
    mask = Image.fromarray((255 * draw_mask(size, rng)).astype(np.uint8))
    degrees = -math.degrees(angle)
    pixels = np.asarray(image.rotate(degrees, Image.Resampling.BILINEAR, expand=True), np.float32)
    weight = np.asarray(mask.rotate(degrees, Image.Resampling.BILINEAR, expand=True), np.float32) / 255
    height, width = pixels.shape
    left, top = round(float(centre[0]) - width / 2), round(float(centre[1]) - height / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(canvas.shape[1], left + width), min(canvas.shape[0], top + height)
    if x0 >= x1 or y0 >= y1:
        return
    inside = (slice(y0 - top, y1 - top), slice(x0 - left, x1 - left))
    below = canvas[y0:y1, x0:x1]
    pixels, weight = pixels[inside], weight[inside]
    # Two thirds of the pieces get brightness and contrast between their own and the canvas's; the others keep theirs.
    if rng.random() < 0.67:
        towards = rng.random()
        gain = (below.std() + 12) / (pixels.std() + 12)
        matched = (pixels - pixels.mean()) * np.clip(gain, 0.5, 1.5) + below.mean()
        pixels = np.clip((1 - towards) * pixels + towards * matched, 0, 255)
    canvas[y0:y1, x0:x1] = below * (1 - weight) + pixels * weight


def draw_mask(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return weights (size, size), 0-1: a soft ellipse, a soft square or a hard square."""
    across = np.abs(np.linspace(-1, 1, size))
    kind = rng.random()
    if kind < 0.55:
        width, soft = rng.uniform(0.8, 1.25), rng.uniform(0.05, 0.35)
        distance = np.hypot(across[None] / width, across[:, None] / rng.uniform(0.95, 1.3))
        return np.clip((1 - distance) / soft, 0, 1)
    if kind < 0.85:
        soft = rng.uniform(0.05, 0.3)
        edge = np.clip((1 - across) / soft, 0, 1)
        return np.minimum(edge[None], edge[:, None])
    return np.ones((size, size))


def scramble(face: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a face with shuffled tiles, some of them rotated."""
    count = int(rng.integers(2, 5))
    step = face.shape[0] // count
    places = [(row, column) for row in range(count) for column in range(count)]
    result = face.copy()
    for (row, column), other in zip(places, rng.permutation(len(places)), strict=True):
        tile = face[places[other][0] * step :, places[other][1] * step :][:step, :step]
        result[row * step : (row + 1) * step, column * step : (column + 1) * step] = np.rot90(
            tile, int(rng.integers(4))
        )
    return result


def crop_of_face(face: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a part of a face, enlarged to the face's size: an eye is not a face."""
    side = int(face.shape[0] * rng.uniform(0.3, 0.5))
    top, left = rng.integers(face.shape[0] - side, size=2)
    patch = Image.fromarray(np.ascontiguousarray(face[top : top + side, left : left + side]))
    return np.asarray(patch.resize(face.shape[::-1], Image.Resampling.BICUBIC))


def find_place(taken: list[NDArray[np.float64]], size: float, side: int, rng: np.random.Generator) -> bool:
    """Add a square (x, y, size, size) to `taken` that hardly overlaps the others; return whether there was room.

    A part of it may be outside the canvas.
    """
    for _ in range(8):
        corner = rng.uniform(-0.3 * size, side - 0.7 * size, 2)
        shared = (
            np.prod(np.clip(np.minimum(corner + size, other[:2] + other[2:]) - np.maximum(corner, other[:2]), 0, None))
            / min(size, float(other[2])) ** 2
            for other in taken
        )
        if all(share <= _MAX_OVERLAP for share in shared):
            taken.append(np.array([*corner, size, size]))
            return True
    return False


def degrade(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return uint8 pixels after a random tone curve, blur, noise and JPEG compression."""
    pixels: NDArray[np.floating] = np.clip(canvas, 0, 255)
    if rng.random() < 0.7:
        pixels = 255 * (pixels / 255) ** float(np.exp(rng.normal(0, 0.35)))
        pixels = (pixels - 127.5) * float(rng.uniform(0.5, 1.15)) + 127.5 + float(rng.uniform(-35, 35))
    if rng.random() < 0.25:
        blurred = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        pixels = np.asarray(blurred.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.3, 1.2)))), np.float32)
    if rng.random() < 0.3:
        pixels = pixels + rng.normal(0, float(rng.uniform(1, 10)), pixels.shape)
    result: NDArray[np.uint8] = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        stored = BytesIO()
        Image.fromarray(result).save(stored, "JPEG", quality=int(rng.integers(30, 90)))
        result = np.asarray(Image.open(stored))
    return result


def mirror(
    box: NDArray[np.floating], points: NDArray[np.floating], width: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return box and landmarks in the mirrored image; left and right landmarks change places."""
    moved = np.array([width - box[0] - box[2], *box[1:]], np.float64)
    marks = np.column_stack([width - points[:, 0], points[:, 1]])[[1, 0, 2, 4, 3]]
    return moved, marks


def rotate(points: NDArray[np.floating], angle: float) -> NDArray[np.float64]:
    """Return points (N, 2) turned clockwise on the screen around (0, 0)."""
    cos, sin = math.cos(angle), math.sin(angle)
    return np.column_stack([points[:, 0] * cos - points[:, 1] * sin, points[:, 0] * sin + points[:, 1] * cos])


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform between those of `low` and `high`."""
    return float(math.exp(rng.uniform(math.log(low), math.log(high)))) if high > low else low
