"""Draws results on images: boxes, class names, bars of the probabilities. Needs only Pillow."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from moue.drawing.colors import class_colors
from moue.drawing.icons import face_icon
from moue.drawing.label_layout import Layout
from moue.errors import MoueError, SettingError
from moue.files import refuse_suffix, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.drawing.label_layout import Area

LABELS: Final = ("name", "emoji", "both")
"""The kinds of labels that `draw` can put on a face."""

_DARK, _LIGHT = (20, 20, 20), (255, 255, 255)
_MIN_BAR_FACE: Final = 120  # minimum size of a face, in pixels of the drawing, for readable bars
_MIN_SIDE: Final = 480
_MAX_BARS: Final = 12
_MIN_ICON: Final = 24
SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp")


class FaceLike(Protocol):
    """The parts of a face that are drawn; a `moue.FaceResult`, for example."""

    @property
    def box(self) -> tuple[float, float, float, float]:
        """(x, y, width, height) in pixels of the image."""

    @property
    def label(self) -> str:
        """The text beside the box."""

    @property
    def emotion(self) -> str:
        """The class, which gives the colour."""

    @property
    def unsure(self) -> bool:
        """Whether an emoji gets a question mark."""

    @property
    def probabilities(self) -> Mapping[str, float]:
        """Probability of each class, 0-1, drawn as bars."""

    @property
    def landmarks(self) -> Sequence[Sequence[float]] | None:
        """X and y of five points, or None."""


class ResultLike(Protocol):
    """The parts of a result that are drawn; a `moue.ImageResult`, for example."""

    @property
    def width(self) -> int:
        """Width of the image in pixels."""

    @property
    def height(self) -> int:
        """Height of the image in pixels."""

    @property
    def faces(self) -> Sequence[FaceLike]:
        """The faces."""


def draw(
    image: NDArray[np.uint8],
    result: ResultLike,
    *,
    bars: bool = True,
    landmarks: bool = False,
    labels: str = "name",
) -> Image.Image:
    """Return the image with its result drawn on it.

    Each face gets a frame in the colour of its class, between two thin dark lines, so that it is visible on any
    background. Its label has the class and the probability, with a question mark if the prediction is unsure, and the
    person's number in a video. Lines and letters grow with the image. An image below 480 pixels is first enlarged by a
    whole factor.

    Args:
        image: uint8 (H, W) gray or (H, W, 3) RGB, the upright image of `result`.
        result: The result to draw.
        bars: Also draw the probabilities of all classes, beside faces that are large enough.
        landmarks: Also draw eyes, nose tip and corners of the mouth.
        labels: ``"name"``: class and probability; ``"emoji"``: a small drawn face instead; or ``"both"``.

    Raises:
        MoueError: the image has another size than the result, or `labels` is none of the above.
    """
    if labels not in LABELS:
        raise SettingError(f"labels is {labels!r}", f"one of {', '.join(LABELS)}")
    if not isinstance(image, np.ndarray):
        raise MoueError(f"the image is of type {type(image).__name__}", "a uint8 array: numpy.asarray(image)")
    height, width = image.shape[:2]
    if (width, height) != (result.width, result.height):
        raise MoueError(f"the image has {width} x {height} pixels", f"{result.width} x {result.height} as the result")
    zoom = max(1, math.ceil(_MIN_SIDE / max(width, height)))
    drawing = Image.fromarray(image).convert("RGB")
    if zoom > 1:
        drawing = drawing.resize((width * zoom, height * zoom), Image.Resampling.BICUBIC)
    canvas = _Canvas(drawing, zoom, labels)
    # Small faces last, so that the labels of larger ones do not hide theirs.
    for face in sorted(result.faces, key=lambda face: -face.box[2] * face.box[3]):
        canvas.add(face, landmarks=landmarks)
    canvas.add_texts(bars=bars)
    return drawing


def save_drawing(drawing: Image.Image, path: Path, *, overwrite: bool = False) -> Path:
    """Write a drawing atomically; the suffix chooses the format.

    Raises:
        MoueError: the suffix is unknown, or `path` exists and `overwrite` is false.
    """
    refuse_suffix(path, SUFFIXES)
    with replacing(path, overwrite=overwrite) as temporary:
        options: dict[str, Any] = {"quality": 92} if path.suffix.lower() != ".png" else {}
        drawing.save(temporary, **options)
    return path


class _Canvas:
    """A drawing in progress; its texts are added after all frames."""

    def __init__(self, drawing: Image.Image, zoom: int, labels: str) -> None:
        self.drawing, self.zoom, self.labels = drawing, zoom, labels
        self.pen = ImageDraw.Draw(drawing, "RGBA")
        longest = max(drawing.size)
        self.line = max(2, round(longest / 320))
        self.text_size = max(13, round(longest / 45))
        self.faces: list[tuple[FaceLike, Area]] = []

    def add(self, face: FaceLike, *, landmarks: bool) -> None:
        x, y, width, height = (value * self.zoom for value in face.box)
        box = (x, y, x + width, y + height)
        line = max(1, min(self.line, round(min(width, height) / 12)))
        edge = max(1, line // 3)
        color = _color_of(face)
        self.pen.rectangle(_grown(box, line // 2 + edge), outline=_DARK, width=line + 2 * edge)
        self.pen.rectangle(_grown(box, line // 2), outline=color, width=line)
        if landmarks:
            for point in face.landmarks or ():
                self._dot(point, max(1.0, min(self.line, min(width, height) / 30)))
        self.faces.append((face, box))

    def add_texts(self, *, bars: bool) -> None:
        width, height = self.drawing.size
        layout = Layout(width, height, [box for _, box in self.faces], self.line)
        for (face, _), (size, area) in zip(self.faces, self._lay_out(layout), strict=True):
            if self.labels == "emoji":
                self._icon(face, size, area)
            else:
                self._label(face, size, area)
        for face, box in self.faces:
            if bars and min(box[2] - box[0], box[3] - box[1]) >= _MIN_BAR_FACE:
                self._bars(face, box, layout)

    def _lay_out(self, layout: Layout) -> list[tuple[int, Area]]:
        """Return the size and area of each face's label: the largest size at which no label covers another."""
        placed: list[tuple[int, Area]] = []
        for share in (1.0, 0.5, 0.0):
            placed.clear()
            layout.taken.clear()
            all_free = True
            for face, box in self.faces:
                most, least = self._label_sizes(box)
                size = round(least + share * (most - least))
                extent = self._label_extent(face, size)
                area, free = layout.place(layout.around(box, extent), extent, box)
                placed.append((size, area))
                all_free &= free
            if all_free:
                break
        return placed

    def _label_sizes(self, box: Area) -> tuple[int, int]:
        """Return the largest and the smallest size of a face's label: of its letters, or of the emoji alone."""
        width = box[2] - box[0]
        if self.labels == "emoji":
            most = round(min(3.2 * self.text_size, max(1.8 * self.text_size, width * 0.5)))
            return most, min(most, max(_MIN_ICON, round(width * 0.4)))
        return self.text_size, min(self.text_size, max(11, round(width * 0.32)))

    def _label_extent(self, face: FaceLike, size: int) -> tuple[float, float]:
        if self.labels == "emoji":
            return size + (_font(round(size * 0.7)).getlength("?") + size * 0.1 if face.unsure else 0.0), size
        left, _, right, _ = _font(size).getbbox(face.label)
        icon = self._icon_beside(size)
        return icon + right - left + size * 0.6, max(icon, size * 1.35)

    def _icon_beside(self, size: int) -> int:
        """Return the size of the emoji before the text, 0 for none."""
        return max(_MIN_ICON, round(size * 1.8)) if self.labels == "both" else 0

    def _label(self, face: FaceLike, size: int, area: Area) -> None:
        icon, font, color = self._icon_beside(size), _font(size), _color_of(face)
        left, top, _, bottom = font.getbbox(face.label)
        # The emoji extends beyond the coloured strip.
        strip = (area[0] + icon / 2, area[1] + icon * 0.12, area[2], area[3] - icon * 0.12)
        self.pen.rectangle(strip, fill=color, outline=_DARK, width=max(1, size // 14))
        where = (area[0] + icon + size * 0.3 - left, area[1] + (area[3] - area[1] - (bottom - top)) / 2 - top)
        self.pen.text(where, face.label, fill=_ink(color), font=font)
        if icon:
            self._paste_icon(face, area, icon)

    def _icon(self, face: FaceLike, size: int, area: Area) -> None:
        """Draw an emoji, followed by a question mark if the prediction is unsure."""
        self._paste_icon(face, area, size)
        if face.unsure:
            place, font = ((area[0] + size + area[2]) / 2, area[1] + size / 2), _font(round(size * 0.7))
            self.pen.text(place, "?", _LIGHT, font, "mm", stroke_width=max(2, size // 12), stroke_fill=_DARK)

    def _paste_icon(self, face: FaceLike, area: Area, size: int) -> None:
        icon = face_icon(face.emotion, size, _color_of(face))
        self.drawing.paste(icon, (round(area[0]), round(area[1])), icon)

    def _bars(self, face: FaceLike, box: Area, layout: Layout) -> None:
        """Draw a bar for each class on a dark background, in the largest size that hides no other face or text.

        If there are many classes, only the most probable ones get a bar.
        """
        colors = class_colors(tuple(face.probabilities))
        names, taken = _names_of_bars(face), len(layout.taken)
        most, least = (max(10, min(self.text_size, round((box[3] - box[1]) / share))) for share in (17, 26))
        for size in (most, (most + least) // 2, least):
            del layout.taken[taken:]
            name_width = max(_font(size).getlength(name) for name in names)
            full = max(2.0 * size, min(5.0 * size, (box[2] - box[0]) * 0.9 - name_width - size))
            row = round(size * 1.3)
            extent = name_width + full + size, row * len(names) + size * 0.5
            area, free = layout.place(layout.beside(box, extent, 2.0 * self.text_size), extent, box)
            if free:
                break
        left, top = area[:2]
        self.pen.rectangle(area, fill=(*_DARK, 170))
        for number, name in enumerate(names):
            y = top + size * 0.25 + number * row
            self.pen.text((left + size * 0.3, y), name, fill=_LIGHT, font=_font(size))
            start = left + size * 0.6 + name_width
            bar = (start, y + row * 0.15, start + max(1.0, full * face.probabilities[name]), y + row * 0.75)
            self.pen.rectangle(bar, fill=colors[name])

    def _dot(self, point: Sequence[float], radius: float) -> None:
        x, y = point[0] * self.zoom, point[1] * self.zoom
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_LIGHT, outline=_DARK)


def _color_of(face: FaceLike) -> tuple[int, int, int]:
    names = tuple(face.probabilities)
    return class_colors(names if face.emotion in names else (*names, face.emotion))[face.emotion]


def _names_of_bars(face: FaceLike) -> list[str]:
    names = list(face.probabilities)
    if len(names) <= _MAX_BARS:
        return names
    return sorted(names, key=lambda name: -face.probabilities[name])[:_MAX_BARS]


def _grown(box: Area, by: float) -> Area:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _ink(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, whichever is more readable on a colour (WCAG's relative luminance)."""
    parts = [(part / 255) ** 2.2 for part in color]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return _DARK if luminance > 0.18 else _LIGHT


@functools.lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
