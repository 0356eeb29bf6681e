"""The parts of a synthetic face: a person, action units, a view, and the pen that draws in face coordinates."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from PIL import ImageDraw

HAIR_STYLES: Final = ("bald", "short", "parted", "fringe", "long")


@dataclasses.dataclass(frozen=True)
class ActionUnits:
    """Strengths of facial muscles, mostly 0-1, after FACS (Ekman & Friesen 1978), with the number of each unit."""

    inner_brow_raise: float = 0.0  # 1
    outer_brow_raise: float = 0.0  # 2
    brow_lower: float = 0.0  # 4
    lid_raise: float = 0.0  # 5
    cheek_raise: float = 0.0  # 6
    lid_tighten: float = 0.0  # 7
    nose_wrinkle: float = 0.0  # 9
    upper_lip_raise: float = 0.0  # 10
    corner_pull: float = 0.0  # 12
    corner_drop: float = 0.0  # 15
    chin_raise: float = 0.0  # 17
    lip_stretch: float = 0.0  # 20
    lip_press: float = 0.0  # 24
    lips_part: float = 0.0  # 25
    jaw_drop: float = 0.0  # 26
    lids_droop: float = 0.0  # 43
    square_mouth: float = 0.0  # 22 and 23: lips funnelled and tight
    teeth: float = 0.0  # not a unit: how much of the teeth shows between parted lips


@dataclasses.dataclass(frozen=True)
class Person:
    """Shapes and tones of a face that do not depend on the expression."""

    skin: float
    hair: float
    brow: float
    iris: float
    lip: float
    hair_style: str
    hairline: float
    length: float
    jaw: float
    brow_thickness: float
    brow_height: float
    brow_tilt: float
    eye_size: float
    eye_gap: float
    eye_height: float
    nose_width: float
    nose_length: float
    lip_fullness: float
    mouth_width: float
    mouth_height: float
    mouth_bend: float
    lopsided: float
    age: float
    gaze: float
    beard: float
    glasses: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> Person:
        """Return a random person."""
        skin = rng.uniform(90, 225)
        # Hair is visibly darker or lighter than the skin.
        hair = rng.uniform(15, 0.6 * skin) if rng.random() < 0.88 else rng.uniform(150, 225)
        return cls(
            skin=skin,
            hair=hair,
            brow=min(hair, skin * rng.uniform(0.3, 0.55)),
            iris=rng.uniform(15, 80),
            lip=skin * rng.uniform(0.62, 0.85),
            hair_style=str(rng.choice(HAIR_STYLES, p=(0.08, 0.3, 0.22, 0.18, 0.22))),
            hairline=rng.uniform(-0.06, 0.12),
            length=rng.uniform(1.12, 1.3),
            jaw=rng.uniform(0.0, 1.0),
            brow_thickness=rng.uniform(0.05, 0.11),
            brow_height=rng.normal(0, 0.025),
            brow_tilt=rng.normal(0, 0.025),
            eye_size=rng.uniform(0.92, 1.2),
            eye_gap=rng.uniform(0.39, 0.46),
            eye_height=rng.normal(-0.16, 0.03),
            nose_width=rng.uniform(0.14, 0.22),
            nose_length=rng.uniform(0.22, 0.32),
            lip_fullness=rng.uniform(0.05, 0.1),
            mouth_width=rng.uniform(0.31, 0.41),
            mouth_height=rng.uniform(0.6, 0.68),
            mouth_bend=rng.normal(0, 0.02),
            lopsided=rng.normal(0, 0.016),
            age=rng.uniform(0, 1),
            gaze=rng.normal(0, 0.03),
            beard=rng.uniform(0.15, 0.6) if rng.random() < 0.15 else 0.0,
            glasses=bool(rng.random() < 0.12),
        )


@dataclasses.dataclass(frozen=True)
class View:
    """Camera, light and image quality.

    Attributes:
        scale: Half the face's width in pixels, of the 48 of the image.
        shift: Offset of the face's middle from the image's middle, pixels (x, y).
        roll: Tilt in the image plane, radians.
        yaw: Turn to the side, radians.
        pitch: Nod, radians.
        light: Strength of the light's fall-off, 0-1, towards `light_angle` (radians).
        brightness: Gray values that are added.
        contrast: Factor around middle gray.
        blur: Radius of the blur, pixels.
        noise: Standard deviation of the noise, gray values.
    """

    scale: float
    shift: tuple[float, float]
    roll: float
    yaw: float
    pitch: float
    light: float
    light_angle: float
    brightness: float
    contrast: float
    blur: float
    noise: float

    @classmethod
    def random(cls, rng: np.random.Generator) -> View:
        """Return a random view."""
        return cls(
            scale=rng.uniform(18.5, 22.0),
            shift=(rng.normal(0, 1.0), rng.normal(-0.5, 1.0)),
            roll=rng.normal(0, 0.11),
            yaw=rng.normal(0, 0.22),
            pitch=rng.normal(0, 0.12),
            light=rng.uniform(0, 0.4),
            light_angle=rng.uniform(0, 2 * math.pi),
            brightness=rng.normal(0, 12),
            contrast=rng.uniform(0.75, 1.15),
            blur=rng.uniform(0, 0.7),
            noise=rng.uniform(0.5, 6),
        )


class Pen:
    """Draws shapes in face units onto an image.

    Args:
        draw: Pillow's drawing object for the image, 48 * `zoom` pixels wide and high.
        view: The position of the face.
        zoom: Pixels drawn per pixel of the result.
    """

    def __init__(self, draw: ImageDraw.ImageDraw, view: View, zoom: int) -> None:
        self.draw = draw
        self.zoom = zoom
        self._view = view
        self._unit = view.scale * zoom
        self._middle = tuple((24 + shift) * zoom for shift in view.shift)
        self._turned = bool(view.yaw or view.pitch)
        self._yaw = (math.cos(view.yaw), 0.55 * math.sin(view.yaw))
        self._pitch = 0.45 * math.sin(view.pitch)
        self._roll = (self._unit * math.cos(view.roll), self._unit * math.sin(view.roll))

    def onto(self, draw: ImageDraw.ImageDraw) -> Pen:
        """Return a pen that draws the same face onto another image of the same size."""
        return Pen(draw, self._view, self.zoom)

    def place(self, points: NDArray[np.float64]) -> list[float]:
        """Return points (n, 2) in pixels of the image, as the flat list that Pillow takes."""
        x, y = points[:, 0], points[:, 1]
        if self._turned:
            # The face is convex: its middle is nearest to the camera.
            depth = np.sqrt(np.maximum(0.05, 1 - 0.6 * x * x - 0.3 * y * y))
            x, y = x * self._yaw[0] + depth * self._yaw[1], y + depth * self._pitch
        placed = np.empty(2 * len(points))
        placed[0::2] = x * self._roll[0] - y * self._roll[1] + self._middle[0]
        placed[1::2] = x * self._roll[1] + y * self._roll[0] + self._middle[1]
        result: list[float] = placed.tolist()
        return result

    def polygon(self, points: NDArray[np.float64], tone: float) -> None:
        """Fill an outline (n, 2)."""
        self.draw.polygon(self.place(points), fill=_gray(tone))

    def line(self, points: NDArray[np.float64], tone: float, width: float) -> None:
        """Draw an open line (n, 2), `width` in face units."""
        self.draw.line(self.place(points), fill=_gray(tone), width=max(1, round(width * self._unit)), joint="curve")

    def ellipse(self, middle: tuple[float, float], radii: tuple[float, float], tone: float) -> None:
        """Fill an ellipse."""
        self.polygon(oval(middle, radii), tone)


_TURN: Final = np.linspace(0, 2 * np.pi, 20, endpoint=False)
_CIRCLE: Final = np.column_stack((np.cos(_TURN), np.sin(_TURN)))
_ALONG: Final = np.linspace(0, 1, 9)
# Lagrange's weights of start, middle and end along a parabola, (9, 3).
_PARABOLA: Final = np.column_stack(
    (2 * (_ALONG - 0.5) * (_ALONG - 1), -4 * _ALONG * (_ALONG - 1), 2 * _ALONG * (_ALONG - 0.5))
)


def oval(middle: tuple[float, float], radii: tuple[float, float]) -> NDArray[np.float64]:
    """Return the outline of an ellipse, (20, 2)."""
    outline: NDArray[np.float64] = _CIRCLE * radii + np.array(middle)
    return outline


def through(points: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    """Return a smooth line, (9, 2): the parabola through three points."""
    line: NDArray[np.float64] = _PARABOLA @ np.array(points)
    return line


def _gray(tone: float) -> int:
    return max(0, min(255, round(tone)))
