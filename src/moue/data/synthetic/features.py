"""The features of a synthetic face: their shapes for a person, and their movement with the action units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw

from moue.data.synthetic.parts import Pen, oval, through

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.data.synthetic.parts import ActionUnits, Person

# Denser towards the ends, where lids and lips bend most.
_T: Final = -np.cos(np.linspace(0, np.pi, 17))
_ROUND: Final = 1 - _T**2
_ANGLES: Final = np.linspace(0, 2 * np.pi, 40, endpoint=False)
# Hairline by style: height above the temples, exponent of its arch (2 round, 6 square), slant.
_HAIRLINES: Final = {
    "short": (0.42, 3.5, 0.0),
    "parted": (0.5, 2.2, 0.16),
    "fringe": (0.24, 6.0, 0.03),
    "long": (0.52, 2.0, 0.0),
}


def draw_head(pen: Pen, person: Person, units: ActionUnits) -> None:
    """Draw the hair behind the head, the neck, the ears and the skin of the face."""
    if person.hair_style == "long":
        pen.ellipse((0, -0.05), (1.22, 1.38), person.hair)
        pen.polygon(np.array([(-1.22, -0.05), (1.22, -0.05), (1.3, 1.8), (-1.3, 1.8)]), person.hair)
    pen.polygon(np.array([(-0.55, 0.6), (0.55, 0.6), (0.75, 2.0), (-0.75, 2.0)]), person.skin * 0.72)
    if person.hair_style != "long":
        for side in (-1, 1):
            pen.ellipse((side * 0.97, 0.02), (0.13, 0.24), person.skin * 0.85)
    pen.polygon(_outline(person, units), person.skin)


def _outline(person: Person, units: ActionUnits) -> NDArray[np.float64]:
    x, y = np.cos(_ANGLES), np.sin(_ANGLES)
    chin = person.length + 0.16 * units.jaw_drop - 0.03 * units.chin_raise
    # A broad jaw keeps its width further down.
    below = np.maximum(0, y)
    width = np.sign(x) * np.abs(x) ** (1 - 0.3 * person.jaw * below) * (1 - (0.28 - 0.2 * person.jaw) * below**2)
    return np.stack((width, y * np.where(y > 0, chin, 1.12)), axis=1)


def draw_fringe(pen: Pen, person: Person) -> None:
    """Draw the hair over the forehead and the top of the head."""
    if person.hair_style == "bald":
        return
    height, power, slant = _HAIRLINES[person.hair_style]
    t = np.linspace(-1, 1, 21)
    arch = np.maximum(0, 1 - np.abs(t - slant * (1 - t * t)) ** power)
    line = np.stack((0.99 * t, -0.32 - (height + person.hairline) * arch - slant * t * arch), axis=1)
    top = 1.24 + 0.5 * person.hairline
    dome = np.stack((1.08 * np.cos(np.pi * (t + 1) / 2), -0.28 - (top - 0.28) * np.sin(np.pi * (t + 1) / 2)), axis=1)
    pen.polygon(np.concatenate((line, dome)), person.hair)
    for end, start in zip(line[4:-4:4], dome[::-1][5:-5:3], strict=False):
        middle = ((end[0] + start[0]) / 2 + 0.05, (end[1] + start[1]) / 2)
        pen.line(through([tuple(start), middle, tuple(end)]), person.hair * 0.88 + 8, 0.04)


def draw_eye(pen: Pen, canvas: Image.Image, person: Person, units: ActionUnits, side: int) -> None:
    """Draw one eye; only the part of the iris between the lids is visible."""
    size = person.eye_size
    narrow = 0.45 * units.lid_tighten + 0.4 * units.cheek_raise + 0.4 * units.nose_wrinkle + 0.5 * units.lids_droop
    above = size * max(0.02, 0.13 * (1 + 0.75 * units.lid_raise - narrow))
    below = size * 0.08 * (1 + 0.25 * units.lid_raise - 0.6 * units.lid_tighten - 0.7 * units.nose_wrinkle)
    # Raised cheeks push the lower lid up until the eye is a crescent.
    below = max(below - size * 0.085 * units.cheek_raise, -0.6 * above)
    slope = (0.05 * units.lids_droop + 0.03 * units.inner_brow_raise * (1 - units.outer_brow_raise)) * _T
    x = side * (person.eye_gap + 0.22 * size * _T)
    middle = person.eye_height + 0.02 * units.cheek_raise
    upper = np.stack((x, middle - above * _ROUND**0.8 + slope), axis=1)
    lower = np.stack((x, middle + below * _ROUND + slope), axis=1)

    mask = Image.new("L", canvas.size, 0)
    ImageDraw.Draw(mask).polygon(pen.place(np.concatenate((upper, lower[::-1]))), fill=255)
    box = mask.getbbox()
    if box is not None:
        ball = Image.new("L", canvas.size, round(min(245, 120 + 0.55 * person.skin)))
        inside = pen.onto(ImageDraw.Draw(ball))
        iris = (side * person.eye_gap + person.gaze, middle - 0.02)
        inside.ellipse(iris, (0.12 * size, 0.12 * size), person.iris + 25)
        inside.ellipse(iris, (0.06 * size, 0.06 * size), 8)
        inside.ellipse((iris[0] + 0.035, iris[1] - 0.045), (0.025, 0.025), 235)
        canvas.paste(ball.crop(box), box[:2], mask.crop(box))
    pen.line(upper, person.skin * 0.25, 0.045)
    pen.line(lower, person.skin * 0.6, 0.025)
    crease = upper - np.array((0, 0.055 + 0.02 * units.lids_droop))
    pen.line(crease[2:-2], person.skin * 0.72, 0.025)


def draw_brow(pen: Pen, person: Person, units: ActionUnits, side: int) -> None:
    """Draw one brow."""
    up, out, down = units.inner_brow_raise, units.outer_brow_raise, units.brow_lower
    base = person.eye_height - 0.25 - person.brow_height + 0.06 * units.nose_wrinkle - 0.02 * units.cheek_raise
    base += side * person.lopsided
    inner = base - 0.2 * up - 0.05 * out + 0.19 * down * (1 - 0.75 * up) + person.brow_tilt
    arch = base - 0.05 - 0.07 * up - 0.18 * out + 0.13 * down * (1 - 0.6 * up)
    outer = base + 0.03 + 0.07 * up * (1 - out) - 0.13 * out - 0.03 * down * (1 - up) - person.brow_tilt
    start = 0.17 - 0.06 * down
    line = through([(side * start, inner), (side * 0.45, arch), (side * 0.74, outer)])
    half = person.brow_thickness / 2 * np.linspace(1.15, 0.45, len(line))
    offset = np.stack((np.zeros_like(half), half), axis=1)
    pen.polygon(np.concatenate((line - offset, (line + offset)[::-1])), person.brow)


def draw_nose(pen: Pen, person: Person, units: ActionUnits) -> None:
    """Draw nostrils and wings."""
    lift = 0.05 * units.nose_wrinkle + 0.03 * units.upper_lip_raise
    width = person.nose_width * (1 + 0.15 * lift / 0.05 + 0.08 * units.corner_pull)
    tip = person.nose_length - lift
    for side in (-1, 1):
        wing = through(
            [(side * width * 0.85, tip - 0.14), (side * width * 1.15, tip - 0.03), (side * width * 0.7, tip + 0.03)]
        )
        pen.line(wing, person.skin * 0.62, 0.035)
        pen.ellipse((side * width * 0.48, tip + 0.01), (0.055, 0.028), person.skin * 0.3)
    pen.line(
        through([(-width * 0.4, tip + 0.035), (0, tip + 0.06), (width * 0.4, tip + 0.035)]), person.skin * 0.65, 0.03
    )


def draw_mouth(pen: Pen, person: Person, units: ActionUnits) -> None:
    """Draw lips, the dark between them, teeth and tongue."""
    part = 0.1 * units.lips_part + 0.46 * units.jaw_drop
    width = person.mouth_width * (
        1 + 0.32 * units.corner_pull + 0.32 * units.lip_stretch - 0.32 * units.jaw_drop - 0.1 * units.chin_raise
    )
    corner = (
        -0.15 * units.corner_pull + 0.14 * units.corner_drop + 0.05 * units.lip_stretch + 0.3 * part + person.mouth_bend
    )
    top = 0.05 * units.corner_pull - 0.12 * units.upper_lip_raise - 0.06 * units.chin_raise - 0.1 * units.jaw_drop
    bottom = top + part + 0.09 * units.upper_lip_raise * (units.lips_part > 0)
    bottom += 0.03 * units.corner_pull * (units.lips_part > 0)
    # A funnelled mouth is a box, a smile a bow.
    power = 2.0 + 5 * units.square_mouth + 2 * units.lip_stretch + 1.5 * units.upper_lip_raise
    bow = (1 - np.abs(_T) ** power) ** (1 / (1 + units.jaw_drop))
    tilt = person.mouth_height + person.lopsided * _T
    x = width * _T
    upper = np.stack((x, tilt + corner + (top - corner) * bow), axis=1)
    lower = np.stack((x, tilt + corner + (bottom - corner) * bow), axis=1)

    full = person.lip_fullness * (1 - 0.65 * units.lip_press - 0.25 * units.corner_pull - 0.15 * units.lip_stretch)
    cupid = _ROUND**0.7 - 0.25 * np.exp(-((_T / 0.18) ** 2))
    rim_up = upper - np.stack((0 * x, full * cupid), axis=1)
    rim_low = lower + np.stack((0 * x, full * (1.25 + 0.5 * units.chin_raise) * _ROUND**0.6), axis=1)
    pen.polygon(np.concatenate((rim_up, rim_low[::-1])), person.lip)
    gap = bottom - top
    if gap > 0.03:
        pen.polygon(np.concatenate((upper, lower[::-1])), 22)
        _fill_mouth(pen, person, units, upper, lower)
    pen.line(upper, person.skin * 0.28, 0.035 + 0.015 * units.lip_press)
    if gap > 0.03:
        pen.line(lower, person.skin * 0.4, 0.025)


def _fill_mouth(
    pen: Pen, person: Person, units: ActionUnits, upper: NDArray[np.float64], lower: NDArray[np.float64]
) -> None:
    gap = lower - upper
    white = min(240.0, 110 + 0.6 * person.skin)
    if units.jaw_drop > 0.5:
        middle = len(gap) // 2
        pen.ellipse((lower[middle, 0], lower[middle, 1] - 0.05), (0.5 * upper[-1, 0], 0.06), person.lip * 0.7)
    if units.teeth > 0:
        shown = upper + gap * min(1.0, units.teeth)
        inner = slice(1, -1)
        pen.polygon(np.concatenate((upper[inner], shown[inner][::-1])), white)
        if units.teeth > 0.9:
            pen.line((upper + gap * 0.5)[inner], 90, 0.02)


def draw_lines(pen: Pen, person: Person, units: ActionUnits) -> None:
    """Draw folds and wrinkles, deeper in older faces."""
    deep = 0.6 + 0.4 * person.age

    def fold(points: list[tuple[float, float]], strength: float, width: float = 0.03) -> None:
        if strength > 0.12:
            pen.line(through(points), person.skin * (1 - 0.42 * min(1.0, strength) * deep), width)

    eye, nose, mouth = person.eye_height, person.nose_length, person.mouth_height
    cheek = max(units.corner_pull, units.upper_lip_raise, 0.8 * units.nose_wrinkle, 0.25 * person.age)
    reach = person.mouth_width * (1.2 + 0.35 * units.corner_pull + 0.1 * units.upper_lip_raise)
    frown = units.brow_lower * (1 - 0.3 * units.inner_brow_raise)
    for side in (-1, 1):
        wing = (side * (person.nose_width + 0.06), nose - 0.08)
        end = (side * reach, mouth - 0.02 - 0.08 * units.corner_pull)
        fold([wing, (side * (reach + person.nose_width) * 0.55, (nose + mouth) / 2 - 0.08), end], cheek)
        fold([(side * 0.06, eye - 0.32), (side * 0.07, eye - 0.22), (side * 0.06, eye - 0.12)], frown, 0.035)
        outside = side * (person.eye_gap + 0.26)
        fold(
            [(outside, eye), (outside + side * 0.06, eye + 0.03), (outside + side * 0.11, eye + 0.09)],
            units.cheek_raise,
        )
        under = (person.eye_gap - 0.18, person.eye_gap, person.eye_gap + 0.18)
        bag = max(units.cheek_raise, 0.6 * units.lid_tighten, 0.5 * person.age)
        fold([(side * x, eye + 0.14 + 0.03 * (x == under[1])) for x in under], bag, 0.025)
    for step in range(3):
        y = eye + 0.05 + 0.07 * step
        fold([(-0.13, y), (0.0, y + 0.03), (0.13, y)], units.nose_wrinkle, 0.03)
    forehead = min(units.inner_brow_raise, units.outer_brow_raise + 0.2) + 0.2 * (person.age - 0.5)
    for step in range(2):
        y = eye - 0.58 - 0.1 * step
        fold([(-0.45, y + 0.02), (0, y - 0.02), (0.45, y + 0.02)], forehead, 0.025)
    fold([(-0.14, mouth + 0.24), (0, mouth + 0.2), (0.14, mouth + 0.24)], units.chin_raise)


def draw_beard(pen: Pen, person: Person, units: ActionUnits) -> None:
    """Draw a beard from ear to ear, with a moustache."""
    if person.beard == 0:
        return
    tone = person.skin * (1 - person.beard) + person.hair * person.beard
    jaw = _outline(person, units)
    jaw = jaw[jaw[:, 1] > 0.25] * (0.94, 0.98)
    lip = person.nose_length + 0.12
    top = np.array(
        [(-0.72, 0.42), (-0.46, 0.6), (-0.3, lip + 0.06), (0, lip), (0.3, lip + 0.06), (0.46, 0.6), (0.72, 0.42)]
    )
    pen.polygon(np.concatenate((jaw, top)), tone)


def draw_glasses(pen: Pen, person: Person) -> None:
    """Draw a pair of glasses."""
    for side in (-1, 1):
        rim = oval((side * person.eye_gap, person.eye_height + 0.03), (0.31, 0.25))
        pen.line(np.concatenate((rim, rim[:2])), 30, 0.04)
    bridge = person.eye_gap - 0.31
    pen.line(
        through([(-bridge, person.eye_height), (0, person.eye_height - 0.05), (bridge, person.eye_height)]), 30, 0.04
    )


def draw_shade(pen: Pen, person: Person, units: ActionUnits) -> None:
    """Draw soft light and shade on a layer where 128 changes nothing; it is blurred afterwards."""
    eye, nose, mouth = person.eye_height, person.nose_length, person.mouth_height
    for side in (-1, 1):
        pen.ellipse((side * 0.93, 0.3), (0.2, 0.8), 100)
        pen.ellipse((side * person.eye_gap, eye - 0.09), (0.3, 0.16), 108 - 12 * units.brow_lower)
        pen.ellipse((side * 0.17, eye + 0.16), (0.06, 0.25), 108)
        cheek = (side * 0.52, 0.28 - 0.06 * units.cheek_raise)
        pen.ellipse(cheek, (0.24, 0.16), 138 + 16 * units.cheek_raise)
    pen.ellipse((0, eye + 0.2), (0.07, 0.34), 146)
    pen.ellipse((0, nose + 0.09), (0.16, 0.05), 100)
    pen.ellipse((0, -0.75), (0.5, 0.2), 138)
    drop = 0.4 * units.jaw_drop
    pen.ellipse((0, mouth + 0.2 + drop), (0.2, 0.05), 104)
    pen.ellipse((0, mouth + 0.36 + drop), (0.2, 0.08), 138)
    pen.ellipse((0, person.length + 0.16 * units.jaw_drop + 0.12), (0.8, 0.14), 88)
