"""The colour of each class, the same in every drawing."""

from __future__ import annotations

import colorsys
import functools
from typing import Final

# Okabe & Ito's palette, made for all kinds of colour vision (https://jfly.uni-koeln.de/color/); gray for neutral.
COLORS: Final = {
    "angry": (213, 94, 0),
    "disgust": (0, 158, 115),
    "fear": (204, 121, 167),
    "happy": (240, 228, 66),
    "sad": (0, 114, 178),
    "surprise": (86, 180, 233),
    "neutral": (190, 190, 190),
    "contempt": (230, 159, 0),
}
"""Colour of each known class, RGB."""

_GOLDEN: Final = 0.618034  # of the hue circle: neighbouring classes get hues far apart
_FIRST_HUE: Final = 0.115
_LIGHTNESS: Final = (0.45, 0.68, 0.35)


@functools.lru_cache(maxsize=64)
def class_colors(class_names: tuple[str, ...]) -> dict[str, tuple[int, int, int]]:
    """Return the RGB colour of each class: known classes have their own, others get one by their order."""
    colors = {name: COLORS[name] for name in class_names if name in COLORS}
    for number, name in enumerate(name for name in class_names if name not in COLORS):
        hue = (_FIRST_HUE + number * _GOLDEN) % 1
        red, green, blue = colorsys.hls_to_rgb(hue, _LIGHTNESS[number % len(_LIGHTNESS)], 0.85)
        colors[name] = round(255 * red), round(255 * green), round(255 * blue)
    return colors
