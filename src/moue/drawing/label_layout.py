"""Places labels on an image: near their face, and not over another face or label."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Area: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the drawing."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """The faces of an image and the texts placed so far.

    Attributes:
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        boxes: The faces.
        gap: Pixels between a face and its texts.
        taken: Areas of the texts.
    """

    width: int
    height: int
    boxes: Sequence[Area]
    gap: float
    taken: list[Area] = dataclasses.field(default_factory=list)

    def place(self, wanted: Iterable[tuple[float, float]], extent: tuple[float, float], own: Area) -> tuple[Area, bool]:
        """Take the place that hides least; return its area, and whether it covers no other face and no text.

        Args:
            wanted: Left and top of places, best first; those that cross the image's edge are moved inside.
            extent: Width and height of the text.
            own: The face that the text belongs to.
        """
        width, height = extent
        inside = [
            (min(max(0.0, x), max(0.0, self.width - width)), min(max(0.0, y), max(0.0, self.height - height)))
            for x, y in wanted
        ]
        areas = [(x, y, x + width, y + height) for x, y in inside]
        area = min(areas, key=lambda area: self._hidden(area, own))
        free = self._hidden(area, own) <= 2.0 * _shared(area, own)
        self.taken.append(area)
        return area, free

    def _hidden(self, area: Area, own: Area) -> float:
        """Return the weighted pixels of texts and faces that an area would hide; texts weigh most, then `own`."""
        cost = 8.0 * sum(_shared(area, other) for other in self.taken)
        return cost + sum(_shared(area, box) * (2.0 if box == own else 1.0) for box in self.boxes)

    def around(self, box: Area, extent: tuple[float, float]) -> list[tuple[float, float]]:
        """Return places for a label: above the face, below, inside at its top or bottom; left or right aligned."""
        (width, height), gap = extent, self.gap
        rows = (box[1] - height - gap, box[3] + gap, box[1] + gap, box[3] - height - gap)
        return [(x, y) for y in rows for x in (box[0] - gap, box[2] + gap - width)]

    def beside(self, box: Area, extent: tuple[float, float], label: float) -> list[tuple[float, float]]:
        """Return places for bars: beside the face, below or above it, inside, or in a corner of the image.

        Args:
            box: The face.
            extent: Width and height of the bars.
            label: Height of a label between face and bars.
        """
        (width, height), gap = extent, 2 * self.gap
        low, inner = box[3] - height - gap, box[0] + gap
        places = [(x, y) for y in (low, box[1]) for x in (box[2] + gap, box[0] - gap - width)]
        places += [(x, y) for y in (box[3] + gap, box[3] + gap + label) for x in (box[0], box[2] - width)]
        places += [(box[0], box[1] - gap - label - height), (inner, low)]
        if len(self.boxes) == 1:
            places += [(x, y) for y in (self.height - height, 0.0) for x in (0.0, self.width - width)]
        return places


def _shared(one: Area, other: Area) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
