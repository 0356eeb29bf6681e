"""Emoji for the classes, drawn from a table of strokes, because not every machine has an emoji font."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Final, TypeAlias

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Sequence

    Color: TypeAlias = tuple[int, int, int]
    Point: TypeAlias = tuple[float, float]
    Shape: TypeAlias = tuple[str, Sequence[Point]]
    """How to draw the points, and the points: ``line`` (a stroke), ``dark``, ``white`` or ``pink`` (filled)."""

_DARK: Final = (24, 22, 20)
_PAINTS: Final = {"dark": _DARK, "white": (255, 255, 255), "pink": (255, 150, 150)}
_OVERSAMPLING: Final = 4
_RIM: Final = 0.05  # of the size: the dark edge, visible on a light background
_HALO: Final = 0.035  # of the size: the white edge around it, visible on a dark background
_STROKE: Final = 0.085  # of the size
_MIN_LIGHT: Final = 118.0  # of 0-255: on a darker disk, the features would not be visible


def _arc(x: float, y: float, width: float, height: float, degrees: tuple[float, float] = (0, 360)) -> list[Point]:
    """Return points on an ellipse around (x, y); degrees go clockwise on the screen from the right."""
    first, last = (math.radians(value) for value in degrees)
    turns = [first + (last - first) * number / 24 for number in range(25)]
    return [(x + width / 2 * math.cos(turn), y + height / 2 * math.sin(turn)) for turn in turns]


def _wave(left: float, right: float, y: float, height: float, humps: float) -> list[Point]:
    shares = [number / 32 for number in range(33)]
    return [(left + (right - left) * at, y - height / 2 * math.sin(2 * math.pi * humps * at)) for at in shares]


def _both(*shapes: Shape) -> tuple[Shape, ...]:
    """Return shapes of the left half and their mirror images."""
    return (*shapes, *((kind, [(1 - x, y) for x, y in points]) for kind, points in shapes))


# Points are fractions of the disk's square, (0, 0) at the top left. At 24 pixels, the faces differ by the mouth (up,
# down, round, flat, wavy, slanted) and by the shape of the brows or eyes.
FACES: Final[dict[str, tuple[Shape, ...]]] = {
    "angry": (
        *_both(("dark", _arc(0.32, 0.46, 0.13, 0.15)), ("line", [(0.17, 0.25), (0.42, 0.40)])),
        ("line", _arc(0.5, 0.82, 0.42, 0.30, (200, 340))),
    ),
    "disgust": (
        *_both(("line", [(0.20, 0.31), (0.38, 0.40), (0.20, 0.49)])),
        ("pink", [(0.40, 0.68), (0.64, 0.68), *_arc(0.52, 0.80, 0.24, 0.26, (0, 180))]),
        ("line", _wave(0.24, 0.76, 0.68, 0.11, 1.0)),
    ),
    "fear": (
        *_both(
            ("white", _arc(0.31, 0.45, 0.25, 0.29)),
            ("dark", _arc(0.33, 0.47, 0.09, 0.11)),
            ("line", [(0.16, 0.26), (0.38, 0.17)]),
        ),
        ("dark", [(0.24, 0.84), (0.30, 0.66), (0.70, 0.66), (0.76, 0.84)]),
        ("white", [(0.32, 0.78), (0.35, 0.71), (0.65, 0.71), (0.68, 0.78)]),
    ),
    "happy": (
        *_both(("line", _arc(0.31, 0.42, 0.21, 0.22, (190, 350)))),
        ("dark", _arc(0.5, 0.57, 0.60, 0.58, (0, 180))),
        ("white", [(0.27, 0.585), (0.73, 0.585), (0.69, 0.67), (0.31, 0.67)]),
    ),
    "sad": (
        *_both(("dark", _arc(0.32, 0.46, 0.13, 0.15)), ("line", [(0.16, 0.36), (0.38, 0.26)])),
        ("line", _arc(0.46, 0.86, 0.34, 0.32, (200, 340))),
        ("white", [(0.79, 0.50), *_arc(0.79, 0.67, 0.16, 0.18, (-20, 200))]),
    ),
    "surprise": (
        *_both(("dark", _arc(0.31, 0.40, 0.15, 0.18)), ("line", _arc(0.31, 0.25, 0.24, 0.18, (200, 340)))),
        ("dark", _arc(0.5, 0.71, 0.27, 0.34)),
    ),
    "neutral": (
        *_both(("dark", _arc(0.32, 0.42, 0.14, 0.16))),
        ("line", [(0.30, 0.69), (0.70, 0.69)]),
    ),
    "contempt": (
        *_both(("dark", _arc(0.29, 0.44, 0.15, 0.20, (0, 180))), ("line", [(0.21, 0.43), (0.36, 0.43)])),
        ("line", [(0.60, 0.26), (0.80, 0.20)]),
        ("line", [(0.30, 0.72), (0.48, 0.72), (0.60, 0.70), (0.69, 0.64), (0.74, 0.56)]),
    ),
}
UNKNOWN: Final = tuple(("dark", _arc(x, 0.5, 0.13, 0.13)) for x in (0.28, 0.5, 0.72))


@functools.lru_cache(maxsize=64)
def face_icon(emotion: str, size: int, color: Color) -> Image.Image:
    """Return a small drawn face.

    Args:
        emotion: A class; an unknown one gets three dots.
        size: Width and height in pixels; from 24 pixels on, the classes can be told apart, even in gray.
        color: The colour of the disk, RGB.

    Returns:
        An RGBA image (size, size), transparent around the disk. It is cached: do not change it.
    """
    side = size * _OVERSAMPLING
    icon = Image.new("RGBA", (side, side), (255, 255, 255, 0))
    pen = ImageDraw.Draw(icon)
    for inset, paint in ((0.0, _PAINTS["white"]), (_HALO, _DARK), (_HALO + _RIM, _lifted(color))):
        pen.ellipse((side * inset, side * inset, side * (1 - inset) - 1, side * (1 - inset) - 1), fill=paint)
    inset = _HALO + _RIM
    for kind, points in FACES.get(emotion, UNKNOWN):
        placed = [(side * (inset + x * (1 - 2 * inset)), side * (inset + y * (1 - 2 * inset))) for x, y in points]
        if kind == "line":
            _stroke(pen, placed, side * _STROKE)
        else:
            pen.polygon(placed, fill=_PAINTS[kind])
    return icon.resize((size, size), Image.Resampling.BOX)


def _lifted(color: Color) -> Color:
    """Return a colour mixed with enough white to make dark features visible."""
    light = 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    white = max(0.0, (_MIN_LIGHT - light) / (255 - light))
    red, green, blue = (round(part + white * (255 - part)) for part in color)
    return red, green, blue


def _stroke(pen: ImageDraw.ImageDraw, points: Sequence[Point], width: float) -> None:
    """Draw a line with round ends and corners."""
    pen.line(points, fill=_DARK, width=round(width))
    for x, y in points:
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), fill=_DARK)
