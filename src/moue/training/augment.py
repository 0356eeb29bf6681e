"""Random changes of training faces, in NumPy.

All geometry is one bilinear warp per face. A batch of 128 takes about 6 ms of one core; Keras's preprocessing layers
take 27 ms, and the network's step hundreds (docs/training.md). The result depends on the random generator alone and is
the same on every backend. The targets of all heads are mixed too, and the network contains no augmentation layers.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.training.damage import damage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.training.config import TrainConfig

    Images = NDArray[np.uint8]
    Pixels = NDArray[np.float32]
    Targets = dict[str, NDArray[np.float32]]

# This many faces at a time fit in a core's cache.
_CHUNK: Final = 16
_SMALLEST_ERASURE: Final = 0.02
_WIDEST_ERASURE: Final = 3.3


def is_augmented(config: TrainConfig) -> bool:
    """Return whether `augment` would change anything."""
    return _moves(config) or _paints(config) or config.mixup_alpha > 0 or config.cutmix_alpha > 0


def augment(images: Images, targets: Targets, config: TrainConfig, rng: np.random.Generator) -> tuple[Images, Targets]:
    """Return changed faces and their targets; only mixup and cutmix change targets.

    Args:
        images: uint8 (B, H, W, 1).
        targets: Rows (B, K) by head; blended like the faces.
        config: What to do; see its fields from `flip` on.
        rng: The only source of randomness.

    Returns:
        uint8 (B, H, W, 1) and targets float32 (B, K) by head.
    """
    pixels: Pixels = images[..., 0].astype(np.float32)
    if _moves(config):
        pixels = _warp(pixels, _draw_maps(len(pixels), pixels.shape[1:], config, rng))
    if config.brightness or config.contrast:
        _relight(pixels, config, rng)
    if config.erasing_probability:
        _erase(pixels, config, rng)
    if config.damage_probability:
        damage(pixels, config.damage_probability, rng)
    alphas = [(config.mixup_alpha, _mixup), (config.cutmix_alpha, _cutmix)]
    mixers = [(alpha, mix) for alpha, mix in alphas if alpha > 0]
    if mixers:
        alpha, mix = mixers[rng.integers(len(mixers))]
        pixels, kept, partner = mix(pixels, alpha, rng)
        share = kept[:, None]
        targets = {head: share * rows + (1 - share) * rows[partner] for head, rows in targets.items()}
    return (np.clip(pixels, 0, 255) + np.float32(0.5)).astype(np.uint8)[..., None], targets


def _moves(config: TrainConfig) -> bool:
    return config.flip or max(config.rotation_degrees, config.shift_fraction, config.zoom_fraction) > 0


def _paints(config: TrainConfig) -> bool:
    return max(config.brightness, config.contrast, config.erasing_probability, config.damage_probability) > 0


def _uniform(rng: np.random.Generator, limit: float, *shape: int) -> Pixels:
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def _draw_maps(count: int, size: tuple[int, ...], config: TrainConfig, rng: np.random.Generator) -> Pixels:
    """Return for each face the matrix (2, 3) from places in the result to places in the source, in pixels.

    Places are counted from the centre, (x, y, 1).
    """
    angle = _uniform(rng, math.radians(config.rotation_degrees), count)
    scale = np.exp(_uniform(rng, math.log1p(config.zoom_fraction), count))
    shift = _uniform(rng, config.shift_fraction, count, 2) * np.array(size[::-1], np.float32)
    mirror = rng.choice(np.array([-1, 1], np.float32), count) if config.flip else np.ones(count, np.float32)
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    rows = [[cosine * mirror, -sine, shift[:, 0]], [sine * mirror, cosine, shift[:, 1]]]
    return np.array(rows, np.float32).transpose(2, 0, 1)


def _warp(pixels: Pixels, maps: Pixels) -> Pixels:
    """Return faces (B, H, W) moved by `maps` (B, 2, 3), bilinear; the pixels of the edge repeat beyond it."""
    height, width = pixels.shape[1:]
    y, x = (axis.ravel() for axis in np.indices((height, width), np.float32))
    x, y = x - np.float32((width - 1) / 2), y - np.float32((height - 1) / 2)
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), _CHUNK):
        part, chosen = pixels[start : start + _CHUNK], maps[start : start + _CHUNK]
        column, right = _place(chosen[:, 0], x, y, width)
        row, below = _place(chosen[:, 1], x, y, height)
        corner = row * width + column + (np.arange(len(part), dtype=np.int32) * (height * width))[:, None]
        flat = part.ravel()
        upper, lower = flat.take(corner), flat.take(corner + width)
        upper += (flat.take(corner + 1) - upper) * right
        lower += (flat.take(corner + width + 1) - lower) * right
        result[start : start + _CHUNK] = (upper + (lower - upper) * below).reshape(part.shape)
    return result


def _place(line: Pixels, x: Pixels, y: Pixels, side: int) -> tuple[NDArray[np.int32], Pixels]:
    """Return the pixel before each place (B, H * W) along one axis, and the fraction beyond it, 0-1."""
    place = line[:, :1] * x + line[:, 1:2] * y + (line[:, 2:] + np.float32((side - 1) / 2))
    np.clip(place, 0, side - 1, out=place)
    whole = np.minimum(place.astype(np.int32), np.int32(side - 2))
    return whole, place - whole.astype(np.float32)


def _relight(pixels: Pixels, config: TrainConfig, rng: np.random.Generator) -> None:
    """Change contrast around each face's mean and brightness, in place."""
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    factor = 1 + _uniform(rng, config.contrast, len(pixels), 1, 1)
    pixels *= factor
    pixels += mean * (1 - factor) + 255 * _uniform(rng, config.brightness, len(pixels), 1, 1)


def _erase(pixels: Pixels, config: TrainConfig, rng: np.random.Generator) -> None:
    """Fill rectangles with one gray each, in place (random erasing, Zhong et al. 2017, arXiv:1708.04896)."""
    count = len(pixels)
    area = rng.uniform(_SMALLEST_ERASURE, config.erasing_size, count)
    area[rng.random(count) >= config.erasing_probability] = 0
    aspect = np.exp(rng.uniform(-math.log(_WIDEST_ERASURE), math.log(_WIDEST_ERASURE), count))
    mask = _draw_rectangles(area, aspect, pixels.shape[1:], rng)
    gray = rng.uniform(0, 255, (count, 1, 1)).astype(np.float32)
    np.copyto(pixels, gray, where=mask)


def _mixup(pixels: Pixels, alpha: float, rng: np.random.Generator) -> tuple[Pixels, Pixels, NDArray[np.int64]]:
    """Blend each face with another one (Zhang et al. 2018, arXiv:1710.09412); return them, shares and partners."""
    kept = rng.beta(alpha, alpha, len(pixels)).astype(np.float32)
    partner = rng.permutation(len(pixels))
    share = kept[:, None, None]
    return share * pixels + (1 - share) * pixels[partner], kept, partner


def _cutmix(pixels: Pixels, alpha: float, rng: np.random.Generator) -> tuple[Pixels, Pixels, NDArray[np.int64]]:
    """Paste a rectangle of another face into each (Yun et al. 2019, arXiv:1905.04899); returns as `_mixup`."""
    area = 1 - rng.beta(alpha, alpha, len(pixels))
    mask = _draw_rectangles(area, np.ones_like(area), pixels.shape[1:], rng)
    partner = rng.permutation(len(pixels))
    return np.where(mask, pixels[partner], pixels), 1 - mask.mean(axis=(1, 2), dtype=np.float32), partner


def _draw_rectangles(
    area: NDArray[np.float64], aspect: NDArray[np.float64], size: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return masks (B, H, W) of rectangles in the image with these parts of its area and aspects (width / height)."""
    inside = []
    for side, stretch in zip(size, (1 / aspect, aspect), strict=True):
        length = np.minimum(np.rint(side * np.sqrt(area * stretch)), side)
        start = np.floor(rng.random(len(area)) * (side - length + 1))
        place = np.arange(side)
        inside.append((place >= start[:, None]) & (place < (start + length)[:, None]))
    mask: NDArray[np.bool_] = inside[0][:, :, None] & inside[1][:, None, :]
    return mask
