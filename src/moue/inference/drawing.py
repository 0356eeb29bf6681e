"""Drawing results on pictures: boxes, names, bars of the probabilities. Pillow only."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, Final

from PIL import Image, ImageDraw, ImageFont

from moue.errors import MoueError
from moue.files import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.inference.results import FaceResult, ImageResult
    from moue.inference.video.results import FrameResult

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
"""Colour of each class, RGB."""
EMOJI: Final = {
    "angry": "\N{ANGRY FACE}",
    "disgust": "\N{NAUSEATED FACE}",
    "fear": "\N{FEARFUL FACE}",
    "happy": "\N{SMILING FACE WITH OPEN MOUTH}",
    "sad": "\N{CRYING FACE}",
    "surprise": "\N{ASTONISHED FACE}",
    "neutral": "\N{NEUTRAL FACE}",
    "contempt": "\N{SMIRKING FACE}",
}
"""Emoji of each class, for tables and terminals; the fonts that pictures are drawn with have none."""

_OTHER: Final = (230, 159, 0)
_DARK, _LIGHT = (20, 20, 20), (255, 255, 255)
_LEAST_BAR_FACE: Final = 120  # pixels of the drawing that a face must have for its bars to be read
_LEAST_SIDE: Final = 480
_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp")


def draw(
    image: NDArray[np.uint8], result: ImageResult | FrameResult, *, bars: bool = True, landmarks: bool = False
) -> Image.Image:
    """Return the picture with its result drawn on it.

    Each face gets a frame in its class's colour between two thin dark lines, so that it is seen on any background, and
    a label with the class and its probability; a question mark marks an unsure answer, the person's number in a video
    stands before it. Lines and letters grow with
    the picture; a picture below 480 pixels is enlarged by a whole number first.

    Args:
        image: uint8 (H, W) gray or (H, W, 3) RGB, the upright picture that `result` is of.
        result: What was found.
        bars: Also draw the probabilities of all classes, beside faces that are large enough.
        landmarks: Also draw eyes, nose tip and corners of the mouth.

    Raises:
        MoueError: the picture has another size than the result.
    """
    height, width = image.shape[:2]
    if (width, height) != (result.width, result.height):
        raise MoueError(f"the picture has {width} x {height} pixels", f"{result.width} x {result.height} as the result")
    zoom = max(1, math.ceil(_LEAST_SIDE / max(width, height)))
    picture = Image.fromarray(image).convert("RGB")
    if zoom > 1:
        picture = picture.resize((width * zoom, height * zoom), Image.Resampling.BICUBIC)
    canvas = _Canvas(picture, zoom)
    # Small faces last: their labels should not be hidden by those of larger ones.
    for face in sorted(result.faces, key=lambda face: -face.box[2] * face.box[3]):
        canvas.add(face, landmarks=landmarks)
    canvas.add_texts(bars=bars)
    return picture


def save_drawing(picture: Image.Image, path: Path, *, overwrite: bool = False) -> Path:
    """Write a drawing atomically; the suffix names the format.

    Raises:
        MoueError: an unknown suffix, or `path` exists and `overwrite` is false.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise MoueError(f"the picture {path} has the suffix {path.suffix!r}", f"one of {', '.join(_SUFFIXES)}")
    with replacing(path, overwrite=overwrite) as temporary:
        options: dict[str, Any] = {"quality": 92} if path.suffix.lower() != ".png" else {}
        picture.save(temporary, **options)
    return path


class _Canvas:
    """A picture that is being drawn on, and the texts that wait until all frames are there."""

    def __init__(self, picture: Image.Image, zoom: int) -> None:
        self.picture, self.zoom = picture, zoom
        self.pen = ImageDraw.Draw(picture, "RGBA")
        longest = max(picture.size)
        self.line = max(2, round(longest / 320))
        self.text_size = max(13, round(longest / 45))
        self.taken: list[tuple[float, float, float, float]] = []
        self.faces: list[tuple[FaceResult, tuple[float, float, float, float]]] = []

    def add(self, face: FaceResult, *, landmarks: bool) -> None:
        x, y, width, height = (value * self.zoom for value in face.box)
        box = (x, y, x + width, y + height)
        line = max(1, min(self.line, round(min(width, height) / 12)))
        edge = max(1, line // 3)
        color = COLORS.get(face.emotion, _OTHER)
        self.pen.rectangle(_grown(box, line // 2 + edge), outline=_DARK, width=line + 2 * edge)
        self.pen.rectangle(_grown(box, line // 2), outline=color, width=line)
        if landmarks:
            for point in face.landmarks or ():
                self._dot(point, max(1.0, min(self.line, min(width, height) / 30)))
        self.faces.append((face, box))

    def add_texts(self, *, bars: bool) -> None:
        for face, box in self.faces:
            self._label(face, box)
        for face, box in self.faces:
            if bars and min(box[2] - box[0], box[3] - box[1]) >= _LEAST_BAR_FACE:
                self._bars(face, box)

    def _label(self, face: FaceResult, box: tuple[float, float, float, float]) -> None:
        # A crowd's labels must be small enough to stand beside each other.
        size = min(self.text_size, max(11, round((box[2] - box[0]) * 0.32)))
        text = f"{_person(face)}{face.emotion}{'?' if face.unsure else ''} {face.confidence:.0%}"
        font = _font(size)
        left, top, right, bottom = font.getbbox(text)
        width, height = right - left + size * 0.6, size * 1.35
        place = self._free_place(box, width, height)
        color = COLORS.get(face.emotion, _OTHER)
        area = (place[0], place[1], place[0] + width, place[1] + height)
        self.taken.append(area)
        self.pen.rectangle(area, fill=color, outline=_DARK, width=max(1, size // 14))
        where = (area[0] + size * 0.3 - left, area[1] + (height - (bottom - top)) / 2 - top)
        self.pen.text(where, text, fill=_ink(color), font=font)

    def _free_place(self, box: tuple[float, float, float, float], width: float, height: float) -> tuple[float, float]:
        """Return where a label goes: above the face, else below, inside at its top or bottom; the least hidden one."""
        across, down = self.picture.size
        x = min(max(0.0, box[0] - self.line), max(0.0, across - width))
        gap = self.line
        wanted = (box[1] - height - gap, box[3] + gap, box[1] + gap, box[3] - height - gap)
        places = [(x, min(max(0.0, y), max(0.0, down - height))) for y in wanted]
        return min(places, key=lambda place: self._hidden((*place, place[0] + width, place[1] + height), box))

    def _hidden(self, area: tuple[float, float, float, float], own: tuple[float, float, float, float]) -> float:
        """Return how many pixels of labels and faces an area would hide; labels weigh most, then the own face."""
        cost = 8.0 * sum(_shared(area, other) for other in self.taken)
        return cost + sum(_shared(area, box) * (2.0 if box == own else 1.0) for _, box in self.faces)

    def _bars(self, face: FaceResult, box: tuple[float, float, float, float]) -> None:
        """Draw one bar for each class on a dark veil."""
        size = max(10, min(self.text_size, round((box[3] - box[1]) / 26)))
        font, row = _font(size), round(size * 1.3)
        names = list(face.probabilities)
        name_width = max(font.getlength(name) for name in names)
        full = min(size * 5.0, (box[2] - box[0]) * 0.9 - name_width - size)
        width, height = name_width + full + size, row * len(names) + size * 0.5
        gap = 2 * self.line
        across, down = self.picture.size
        # Beside the face, below it, or in a corner of the picture: where least of any face is hidden.
        low, inner = box[3] - height - gap, box[0] + gap
        places = [(box[2] + gap, low), (box[0] - gap - width, low), (box[0], box[3] + gap), (inner, low)]
        if len(self.faces) == 1:
            places += [(x, y) for y in (down - height, 0.0) for x in (0.0, across - width)]
        inside = [(min(max(0.0, x), across - width), min(max(0.0, y), down - height)) for x, y in places]
        left, top = min(inside, key=lambda place: self._hidden((*place, place[0] + width, place[1] + height), box))
        area = (left, top, left + width, top + height)
        self.taken.append(area)
        self.pen.rectangle(area, fill=(*_DARK, 170))
        for number, name in enumerate(names):
            y = top + size * 0.25 + number * row
            self.pen.text((left + size * 0.3, y), name, fill=_LIGHT, font=font)
            start = left + size * 0.6 + name_width
            bar = (start, y + row * 0.15, start + max(1.0, full * face.probabilities[name]), y + row * 0.75)
            self.pen.rectangle(bar, fill=COLORS.get(name, _OTHER))

    def _dot(self, point: Sequence[float], radius: float) -> None:
        x, y = point[0] * self.zoom, point[1] * self.zoom
        self.pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_LIGHT, outline=_DARK)


def _person(face: FaceResult) -> str:
    track_id: int = getattr(face, "track_id", 0)  # only the faces of videos have one
    return f"#{track_id} " if track_id else ""


def _grown(box: tuple[float, float, float, float], by: float) -> tuple[float, float, float, float]:
    return box[0] - by, box[1] - by, box[2] + by, box[3] + by


def _shared(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)


def _ink(color: tuple[int, int, int]) -> tuple[int, int, int]:
    """Return black or white, whichever is read more easily on a colour (WCAG's relative luminance)."""
    parts = [(part / 255) ** 2.2 for part in color]
    luminance = 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    return _DARK if luminance > 0.18 else _LIGHT


@functools.lru_cache(maxsize=64)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
