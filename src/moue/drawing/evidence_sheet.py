"""Faces and their coloured evidence side by side on one sheet, with a legend for the colours."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from moue.drawing.evidence import MIN_SCALE, color_face, colors_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PAPER, _INK, _FAINT = (255, 255, 255), (25, 25, 25), (95, 95, 95)
_COLUMNS: Final = {1: 1, 2: 2, 3: 3, 4: 2}
_LARGE: Final = 100


class Explained(Protocol):
    """The parts of an explanation that are drawn; a `moue.FaceExplanation`, for example."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The face crop, uint8 (H, W)."""

    @property
    def evidence(self) -> NDArray[np.float32]:
        """(h, w) log-odds, above 0 for the class and below 0 against it."""

    @property
    def shift(self) -> float:
        """As for `moue.drawing.evidence.color_face`."""

    @property
    def title(self) -> str:
        """The prediction in short."""

    @property
    def subtitle(self) -> str:
        """The classes that it is compared with."""


def draw_evidence(faces: Sequence[Explained], footer: str, *, size: int = 240) -> Image.Image:
    """Return all faces on one sheet, each beside its coloured version.

    Each face has its own scale, with its end value above the face. Below 100 pixels, only the titles are written.

    Args:
        faces: One or more.
        footer: The text below the scale.
        size: Side of a face in pixels, 48 or more.
    """
    plan = _Plan.of(len(faces), size, footer)
    sheet = Image.new("RGB", plan.sheet, _PAPER)
    for number, face in enumerate(faces):
        _draw_face(sheet, plan, number, face)
    _draw_legend(sheet, plan, scale_of(faces[0]) if len(faces) == 1 else None)
    return sheet


def scale_of(face: Explained) -> float:
    """Return the evidence that gets full colour: the strongest in the face, but at least `MIN_SCALE`."""
    return max(float(np.abs(face.evidence).max()), MIN_SCALE)


@dataclasses.dataclass(frozen=True)
class _Plan:
    """The layout of the sheet, in pixels."""

    size: int  # of a face
    unit: int  # of the letters
    lines: int  # of text above a face
    columns: int
    several: bool
    sheet: tuple[int, int]
    legend: int
    footer: tuple[str, ...]

    @classmethod
    def of(cls, number: int, size: int, footer: str) -> _Plan:
        unit, gap, large = max(11, round(size / 15)), _gap(size), size >= _LARGE
        columns = _COLUMNS.get(number, 3 if large else min(number, 5))
        width = columns * (2 * size + gap // 2) + (columns - 1) * 2 * gap
        footer += " The number above a face is the end of its scale." if number > 1 else ""
        words = tuple(_wrapped(footer, width, unit * 0.85)) if large else ()
        lines, rows = 2 if large else 1, -(-number // columns)
        legend = round(unit * (3.4 + 1.3 * len(words)))
        height = rows * (size + lines * _line(unit) + gap) + legend + gap
        return cls(size, unit, lines, columns, number > 1, (width + 2 * gap, height), legend, words)

    def corner(self, number: int) -> tuple[int, int]:
        """Return the left and upper edge of a face's cell."""
        gap, row, column = _gap(self.size), number // self.columns, number % self.columns
        step = 2 * self.size + gap // 2 + 2 * gap
        return gap + column * step, gap + row * (self.size + self.lines * _line(self.unit) + gap)


def _gap(size: int) -> int:
    return max(4, size // 20)


def _line(unit: int) -> int:
    return round(unit * 1.35)


def _draw_face(sheet: Image.Image, plan: _Plan, number: int, face: Explained) -> None:
    """Draw the texts, the face, and the face in colours."""
    pen, (left, top), size, scale = ImageDraw.Draw(sheet), plan.corner(number), plan.size, scale_of(face)
    room = 2 * size + _gap(size) // 2
    name = f"{number + 1}  {face.title}" if plan.several else face.title
    pen.text((left, top), _shortened(name, room, plan.unit), _INK, _font(plan.unit))
    if plan.lines > 1:
        small = plan.unit * 0.85
        pen.text((left, top + _line(plan.unit)), _shortened(face.subtitle, room, small), _FAINT, _font(small))
        if plan.several:
            pen.text((left + room, top), f"±{scale:.2g}", _FAINT, _font(small), "ra")
    top += plan.lines * _line(plan.unit)
    plain = Image.fromarray(face.pixels).resize((size, size), Image.Resampling.BICUBIC)
    sheet.paste(plain.convert("RGB"), (left, top))
    # Drawn twice as large, then halved, so that the line gets soft edges.
    double = np.asarray(plain.resize((2 * size, 2 * size), Image.Resampling.BICUBIC))
    colored = color_face(double, face.evidence, scale, shift=face.shift)
    sheet.paste(colored.reduce(2), (left + size + _gap(size) // 2, top))


def _draw_legend(sheet: Image.Image, plan: _Plan, scale: float | None) -> None:
    """Draw the colour bar with its ends and its zero, and the footer below.

    Args:
        sheet: The image to draw on.
        plan: The layout.
        scale: The value at the ends of the bar; None if each face has its own.
    """
    unit, left, top = plan.unit, _gap(plan.size), sheet.height - plan.legend
    pen, room = ImageDraw.Draw(sheet), sheet.width - 2 * _gap(plan.size)
    width, height = min(room, unit * 22), round(unit * 0.9)
    bar = colors_of(np.full(width, 0.66), np.linspace(-1, 1, width))
    sheet.paste(Image.fromarray(np.repeat(bar[None], height, axis=0)), (left, top))
    font, below = _font(unit * 0.85), top + height + unit // 5
    low, high = ("against", "for") if scale is None else (f"{-scale:.2g} against", f"for {scale:+.2g}")
    pen.text((left, below), low, _INK, font)
    pen.text((left + width / 2, below), "0", _INK, font, "ma")
    pen.text((left + width, below), high, _INK, font, "ra")
    for number, text in enumerate(plan.footer):
        pen.text((left, below + round(unit * 1.3 * (number + 1))), text, _FAINT, font)


def _wrapped(text: str, width: float, size: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _font(size).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _shortened(text: str, width: float, size: float) -> str:
    while text and _font(size).getlength(text) > width:
        text = text[:-2].rstrip(" ,…") + "…"
    return text


@functools.lru_cache(maxsize=16)
def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(max(9, round(size)))
