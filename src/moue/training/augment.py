"""Random augmentation of training faces, in NumPy.

Each face is warped once, bilinearly. A batch of 128 takes about 6 ms on one core, where Keras's preprocessing layers
take 27 ms and a training step takes hundreds (docs/training.md). The result depends only on the random generator and
is the same on every backend. Mixing includes the targets of all heads. The model contains no augmentation layers.
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

# This many faces fit in a core's cache.
_CHUNK: Final = 16
_MIN_ERASED_AREA: Final = 0.02  # fraction of the face
_MAX_ERASED_ASPECT: Final = 3.3


def is_augmented(config: TrainConfig) -> bool:
    """Return whether `augment` would change anything."""
    return _moves_pixels(config) or _changes_pixels(config) or config.mixup_alpha > 0 or config.cutmix_alpha > 0


def augment(images: Images, targets: Targets, config: TrainConfig, rng: np.random.Generator) -> tuple[Images, Targets]:
    """Return augmented faces and their targets; only mixup and cutmix change targets.

    Args:
        images: uint8 (B, H, W, 1).
        targets: Rows (B, K) by head; blended like the faces.
        config: Which augmentation to apply; see its fields from `flip` on.
        rng: The only source of randomness.

    Returns:
        uint8 (B, H, W, 1) and targets float32 (B, K) by head.
    """
    pixels: Pixels = images[..., 0].astype(np.float32)
    if _moves_pixels(config):
        pixels = _warp(pixels, _draw_matrices(len(pixels), pixels.shape[1:], config, rng))
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
        pixels, shares, partners = mix(pixels, alpha, rng)
        share = shares[:, None]
        targets = {head: share * rows + (1 - share) * rows[partners] for head, rows in targets.items()}
    return (np.clip(pixels, 0, 255) + np.float32(0.5)).astype(np.uint8)[..., None], targets


def _moves_pixels(config: TrainConfig) -> bool:
    return config.flip or max(config.rotation_degrees, config.shift_fraction, config.zoom_fraction) > 0


def _changes_pixels(config: TrainConfig) -> bool:
    return max(config.brightness, config.contrast, config.erasing_probability, config.damage_probability) > 0


def _uniform(rng: np.random.Generator, limit: float, *shape: int) -> Pixels:
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def _draw_matrices(count: int, size: tuple[int, ...], config: TrainConfig, rng: np.random.Generator) -> Pixels:
    """Return for each face the affine matrix (2, 3) from coordinates in the result to coordinates in the source.

    Coordinates are (x, y, 1) in pixels, relative to the centre.
    """
    angle = _uniform(rng, math.radians(config.rotation_degrees), count)
    scale = np.exp(_uniform(rng, math.log1p(config.zoom_fraction), count))
    shift = _uniform(rng, config.shift_fraction, count, 2) * np.array(size[::-1], np.float32)
    mirror = rng.choice(np.array([-1, 1], np.float32), count) if config.flip else np.ones(count, np.float32)
    cosine, sine = np.cos(angle) * scale, np.sin(angle) * scale
    rows = [[cosine * mirror, -sine, shift[:, 0]], [sine * mirror, cosine, shift[:, 1]]]
    return np.array(rows, np.float32).transpose(2, 0, 1)


def _warp(pixels: Pixels, matrices: Pixels) -> Pixels:
    """Return faces (B, H, W) warped bilinearly by `matrices` (B, 2, 3); edge pixels repeat outside the face."""
    height, width = pixels.shape[1:]
    y, x = (axis.ravel() for axis in np.indices((height, width), np.float32))
    x, y = x - np.float32((width - 1) / 2), y - np.float32((height - 1) / 2)
    result = np.empty_like(pixels)
    for start in range(0, len(pixels), _CHUNK):
        part, matrix = pixels[start : start + _CHUNK], matrices[start : start + _CHUNK]
        column, right = _transform(matrix[:, 0], x, y, width)
        row, below = _transform(matrix[:, 1], x, y, height)
        corner = row * width + column + (np.arange(len(part), dtype=np.int32) * (height * width))[:, None]
        flat = part.ravel()
        upper, lower = flat.take(corner), flat.take(corner + width)
        upper += (flat.take(corner + 1) - upper) * right
        lower += (flat.take(corner + width + 1) - lower) * right
        result[start : start + _CHUNK] = (upper + (lower - upper) * below).reshape(part.shape)
    return result


def _transform(matrix_row: Pixels, x: Pixels, y: Pixels, side: int) -> tuple[NDArray[np.int32], Pixels]:
    """Return source coordinates (B, H * W) along one axis: the pixel index, rounded down, and the fraction, 0-1."""
    position = matrix_row[:, :1] * x + matrix_row[:, 1:2] * y + (matrix_row[:, 2:] + np.float32((side - 1) / 2))
    np.clip(position, 0, side - 1, out=position)
    index = np.minimum(position.astype(np.int32), np.int32(side - 2))
    return index, position - index.astype(np.float32)


def _relight(pixels: Pixels, config: TrainConfig, rng: np.random.Generator) -> None:
    """Change brightness, and contrast around each face's mean, in place."""
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    factor = 1 + _uniform(rng, config.contrast, len(pixels), 1, 1)
    pixels *= factor
    pixels += mean * (1 - factor) + 255 * _uniform(rng, config.brightness, len(pixels), 1, 1)


def _erase(pixels: Pixels, config: TrainConfig, rng: np.random.Generator) -> None:
    """Fill rectangles with one gray each, in place (random erasing, Zhong et al. 2017, arXiv:1708.04896)."""
    count = len(pixels)
    area = rng.uniform(_MIN_ERASED_AREA, config.erasing_size, count)
    area[rng.random(count) >= config.erasing_probability] = 0
    aspect = np.exp(rng.uniform(-math.log(_MAX_ERASED_ASPECT), math.log(_MAX_ERASED_ASPECT), count))
    mask = _draw_rectangles(area, aspect, pixels.shape[1:], rng)
    gray = rng.uniform(0, 255, (count, 1, 1)).astype(np.float32)
    np.copyto(pixels, gray, where=mask)


def _mixup(pixels: Pixels, alpha: float, rng: np.random.Generator) -> tuple[Pixels, Pixels, NDArray[np.int64]]:
    """Blend each face with a partner (Zhang et al. 2018, arXiv:1710.09412); return faces, own shares and partners."""
    shares = rng.beta(alpha, alpha, len(pixels)).astype(np.float32)
    partners = rng.permutation(len(pixels))
    share = shares[:, None, None]
    return share * pixels + (1 - share) * pixels[partners], shares, partners


def _cutmix(pixels: Pixels, alpha: float, rng: np.random.Generator) -> tuple[Pixels, Pixels, NDArray[np.int64]]:
    """Paste a rectangle of another face into each (Yun et al. 2019, arXiv:1905.04899); returns the same as `_mixup`."""
    area = 1 - rng.beta(alpha, alpha, len(pixels))
    mask = _draw_rectangles(area, np.ones_like(area), pixels.shape[1:], rng)
    partners = rng.permutation(len(pixels))
    return np.where(mask, pixels[partners], pixels), 1 - mask.mean(axis=(1, 2), dtype=np.float32), partners


def _draw_rectangles(
    area: NDArray[np.float64], aspect: NDArray[np.float64], size: tuple[int, ...], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Return masks (B, H, W) of rectangles, randomly placed, with these area fractions and aspects (width / height)."""
    inside = []
    for side, stretch in zip(size, (1 / aspect, aspect), strict=True):
        length = np.minimum(np.rint(side * np.sqrt(area * stretch)), side)
        start = np.floor(rng.random(len(area)) * (side - length + 1))
        index = np.arange(side)
        inside.append((index >= start[:, None]) & (index < (start + length)[:, None]))
    mask: NDArray[np.bool_] = inside[0][:, :, None] & inside[1][:, None, :]
    return mask
