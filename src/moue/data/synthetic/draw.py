"""Drawing one synthetic gray face: a person, an expression as action units, a view.

Lengths are in units of half the face's width, x to the viewer's right and y down, from the middle of the face; tones
are gray values 0-255. Everything is drawn larger than needed and shrunk, which gives the soft edges of a photo.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from moue.data.synthetic import features
from moue.data.synthetic.parts import Pen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.data.synthetic.parts import ActionUnits, Person, View

SIZE: Final = 48
_FINE: Final = 4
_COARSE: Final = 2
_NO_SHADE: Final = 128


def draw_face(person: Person, units: ActionUnits, view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Draw a face.

    Args:
        person: The person's shapes and tones.
        units: The expression and its strength.
        view: The camera and the light.
        rng: Used for background and noise only.

    Returns:
        The image, uint8 (48, 48).
    """
    corners = rng.uniform(15, 235) + rng.uniform(-60, 60, (2, 2))
    background = Image.fromarray(np.clip(corners, 0, 255).astype(np.uint8))
    canvas = background.resize((SIZE * _FINE, SIZE * _FINE), Image.Resampling.BILINEAR)
    shade = Image.new("L", (SIZE * _COARSE, SIZE * _COARSE), _NO_SHADE)
    draw_features(canvas, person, units, view, _FINE)
    features.draw_shade(Pen(ImageDraw.Draw(shade), view, _COARSE), person, units)
    return _render(canvas, shade, view, rng)


def draw_features(canvas: Image.Image, person: Person, units: ActionUnits, view: View, zoom: int) -> None:
    """Draw a person without shade or noise onto a gray image.

    Args:
        canvas: The background, `zoom` times as large as the image of a face.
        person: As for `draw_face`.
        units: As for `draw_face`.
        view: As for `draw_face`.
        zoom: How much larger everything is drawn.
    """
    # In turned heads, the features move further than the outline, as on a globe.
    head = Pen(ImageDraw.Draw(canvas), dataclasses.replace(view, yaw=0.0, pitch=0.0), zoom)
    pen = Pen(ImageDraw.Draw(canvas), view, zoom)
    features.draw_head(head, person, units)
    for side in (-1, 1):
        features.draw_eye(pen, canvas, person, units, side)
    features.draw_lines(pen, person, units)
    features.draw_nose(pen, person, units)
    features.draw_beard(pen, person, units)
    features.draw_mouth(pen, person, units)
    features.draw_fringe(head, person)
    for side in (-1, 1):
        features.draw_brow(pen, person, units, side)
    if person.glasses:
        features.draw_glasses(pen, person)


def _render(canvas: Image.Image, shade: Image.Image, view: View, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Shrink and blur the drawing, and add light and noise."""
    small = canvas.reduce(_FINE)
    if view.blur > 0:
        small = small.filter(ImageFilter.GaussianBlur(view.blur))
    soft = shade.filter(ImageFilter.GaussianBlur(1.6 * _COARSE)).reduce(_COARSE)
    pixels: NDArray[np.floating] = np.asarray(small, np.float32)
    pixels = pixels * (1 + (np.asarray(soft, np.float32) - _NO_SHADE) / 128)
    axis = np.linspace(-1, 1, SIZE, dtype=np.float32)
    across = np.float32(np.cos(view.light_angle)) * axis[None, :] + np.float32(np.sin(view.light_angle)) * axis[:, None]
    pixels = pixels * (1 + np.float32(view.light) * across)
    pixels = (pixels - 128) * np.float32(view.contrast) + 128 + np.float32(view.brightness)
    pixels = pixels + rng.normal(0, view.noise, (SIZE, SIZE)).astype(np.float32)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
