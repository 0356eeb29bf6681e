"""YuNet at several scales and rotations, so that it finds every face of 20 pixels and more.

YuNet is reliable for faces of about 15 to 300 pixels. A *middle* view of at most 640 pixels covers most of them; a
*coarse* view of 192 pixels covers faces that fill the image; a *fine* view, used only if the image is much larger than
the middle view, covers small ones. Each view counts only for the sizes that it is good at, which alone removes the
false boxes inside large faces. A doubtful face is checked again, cropped and resized to 48 and 80 pixels: something
that resembles a face only when tiny scores near 0 there, a true face 0.85 (measured on printed circuits and on reduced
photographs).
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from moue.errors import MoueError, SettingError
from moue.faces import store
from moue.faces.boxes import MIN_IOU, merge, overlap, turn_back
from moue.faces.registry import DetectorKind
from moue.faces.yunet_network import YuNet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.faces.face import Face

DEFAULT_THRESHOLD: Final = 0.66
DEFAULT_MIN_SIZE: Final = 12.0

_MIDDLE: Final = 640
_MIN_VIEW: Final = 160  # a smaller image is enlarged to this
_COARSE: Final = 192
_FINE: Final = 1280
_FINE_ABOVE: Final = 800  # up to here the middle view is nearly as large
_FINE_SCALE: Final = 0.5  # images above 2560 pixels are seen at half their size
_TILE, _OVERLAP = 1536, 160
# Face sizes (square root of the box's area, in pixels of the view) that count in each view.
_MIDDLE_SIZES: Final = (8.0, 420.0)
_COARSE_SIZES: Final = (40.0, 400.0)
_FINE_SIZES: Final = (8.0, 110.0)
# Below `_CLEAR` a second look decides; a box gets one if its score is at least this part of the threshold.
_CLEAR, _WORTH_A_LOOK, _MAX_LOOKS = 0.8, 0.7, 40
_LOOK_SIDE, _LOOK_SIZES = 192, (48, 80)
# An upright face scores 0.85 to 0.95; the same face rotated scores up to 0.86.
_DOUBTFUL: Final = 0.87
_TURN_VIEWS: Final = (320, 640)  # the second is used only if no upright face was found
_TURN_SCORE, _TURN_GAIN = 0.8, 0.05


@dataclasses.dataclass(frozen=True)
class View:
    """One view of an image.

    Attributes:
        scale: Pixels of the view for each pixel of the image.
        sizes: Smallest and largest face that counts, in pixels of the view.
    """

    scale: float
    sizes: tuple[float, float]


def plan(height: int, width: int) -> list[View]:
    """Return the views of an image of that size, the largest first."""
    longest = max(height, width)
    views = [
        View(min(1.0, _MIDDLE / longest) if longest > _MIN_VIEW else _MIN_VIEW / longest, _MIDDLE_SIZES),
    ]
    if longest > _COARSE:
        views.append(View(_COARSE / longest, _COARSE_SIZES))
    if longest > _FINE_ABOVE:
        views.insert(0, View(min(1.0, max(_FINE_SCALE, _FINE / longest)), _FINE_SIZES))
    return views


class YuNetDetector:
    """Finds faces from 20 pixels up to the whole image, also in rotated images.

    Args:
        network: The bare network.
        score_threshold: Lowest face_score that counts, 0-1.
        min_size: Smallest face in pixels of the image (square root of its box's area).
        turns: Also try the image rotated by 90, 180 and 270 degrees if no face is found with certainty.

    Raises:
        MoueError: a number is out of its range.
    """

    name = "yunet"

    def __init__(
        self,
        network: YuNet,
        *,
        score_threshold: float = DEFAULT_THRESHOLD,
        min_size: float = DEFAULT_MIN_SIZE,
        turns: bool = True,
    ) -> None:
        if not 0 < score_threshold < 1:
            raise SettingError(f"score_threshold is {score_threshold}", "a number between 0 and 1")
        if not 0 <= min_size < math.inf:
            raise SettingError(f"min_size is {min_size}", "a number of 0 or more")
        self._network = network
        self._score_threshold = score_threshold
        self._min_size = min_size
        self._turns = turns

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return the faces of an image, the most confident first.

        Args:
            image: uint8 RGB (H, W, 3).
        """
        faces = self._detect(image)
        if self._turns and (not faces or faces[0].face_score < _DOUBTFUL):
            turns = self._best_turns(image, faces[0].face_score if faces else 0.0)
            if turns:
                turned = self._detect(np.rot90(image, turns))
                return [turn_back(face, turns, image.shape[0], image.shape[1]) for face in turned]
        return faces

    def _detect(self, image: NDArray[np.uint8]) -> list[Face]:
        height, width = image.shape[:2]
        faces: list[Face] = []
        view_image = Image.fromarray(np.ascontiguousarray(image))
        for view in plan(height, width):
            # Each view is made from the previous one, which is larger.
            view_image = _resized(view_image, round(width * view.scale), round(height * view.scale))
            scale = max(view_image.width, view_image.height) / max(width, height)
            detected = self._faces(np.asarray(view_image))
            faces += [face.moved(1 / scale) for face in detected if view.sizes[0] <= _size(face) <= view.sizes[1]]
        merged = [face for face in merge(faces) if _size(face) >= self._min_size]
        clear = [face for face in merged if face.face_score >= _CLEAR]
        doubtful = merged[len(clear) : len(clear) + _MAX_LOOKS]
        checked = (self._second_look(image, face) for face in doubtful)
        return clear + sorted(
            (face for face in checked if face.face_score >= self._score_threshold), key=lambda face: -face.face_score
        )

    def _second_look(self, image: NDArray[np.uint8], face: Face) -> Face:
        """Return the face with the mean of its score and its best score when detected alone."""
        best = 0.0
        for size in _LOOK_SIZES:
            scale, half = size / _size(face), _LOOK_SIDE / 2 * _size(face) / size
            x, y = face.x + face.width / 2, face.y + face.height / 2
            left, top = max(0, int(x - half)), max(0, int(y - half))
            part = image[top : max(top + 1, int(y + half)), left : max(left + 1, int(x + half))]
            view_image = Image.fromarray(np.ascontiguousarray(part))
            view_image = _resized(view_image, round(view_image.width * scale), round(view_image.height * scale))
            detected = (
                other.moved(1 / scale, left, top)
                for other in self._network.faces(np.asarray(view_image), score_threshold=0.3)
            )
            best = max([best, *(other.face_score for other in detected if overlap(face, other)[0] > MIN_IOU)])
        return dataclasses.replace(face, face_score=(face.face_score + best) / 2)

    def _faces(self, image: NDArray[np.uint8]) -> Iterator[Face]:
        height, width = image.shape[:2]
        threshold = _WORTH_A_LOOK * self._score_threshold
        for top, bottom in _tiles(height):
            for left, right in _tiles(width):
                for face in self._network.faces(image[top:bottom, left:right], score_threshold=threshold):
                    moved = face.moved(1.0, left, top)
                    # A face cut by an inner edge of this tile is complete in the neighbouring tile.
                    if not (
                        (left and moved.x < left + 2)
                        or (top and moved.y < top + 2)
                        or (right < width and moved.x + moved.width > right - 2)
                        or (bottom < height and moved.y + moved.height > bottom - 2)
                    ):
                        yield moved

    def _best_turns(self, image: NDArray[np.uint8], score: float) -> int:
        """Return the number of counter-clockwise quarter turns that give a clearly better score; 0 if none does."""
        height, width = image.shape[:2]
        view_image = Image.fromarray(np.ascontiguousarray(image))
        best, chosen = max(_TURN_SCORE, score + _TURN_GAIN), 0
        for longest in _TURN_VIEWS if not score else _TURN_VIEWS[:1]:
            scale = min(1.0, longest / max(height, width))
            small = np.asarray(_resized(view_image, round(width * scale), round(height * scale)))
            for turns in (1, 3, 2):
                faces = self._network.faces(np.rot90(small, turns), score_threshold=_TURN_SCORE)
                if faces and faces[0].face_score > best:
                    best, chosen = faces[0].face_score, turns
            if chosen:
                break
        return chosen


def _size(face: Face) -> float:
    return math.sqrt(face.width * face.height)


def _tiles(length: int) -> list[tuple[int, int]]:
    """Divide a side into overlapping parts of about equal length."""
    count = max(1, math.ceil((length - _OVERLAP) / (_TILE - _OVERLAP)))
    step = (length - _OVERLAP) / count
    return [(round(step * part), min(length, round(step * (part + 1)) + _OVERLAP)) for part in range(count)]


def _resized(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize an image; to reduce it, average over areas in two steps, of which the first is a fast integer factor."""
    size = max(1, width), max(1, height)
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def find_yunet(model: str | Path | None = None) -> Path:
    """Return YuNet's file, searched for by `moue.faces.store.find`.

    Raises:
        MoueError: there is no such file.
    """
    path = store.find("yunet", model)
    if path is None:
        raise MoueError(
            "the model of the detector yunet is missing",
            f"{store.MODELS['yunet'].name} in the cache or in the folder that {store.ENVIRONMENT} names",
            "Get it (230 kB) with: moue download yunet",
        )
    return path


def load_yunet(
    *,
    model: str | Path | None = None,
    score_threshold: float = DEFAULT_THRESHOLD,
    min_size: float = DEFAULT_MIN_SIZE,
    turns: bool = True,
    threads: int = 1,
) -> YuNetDetector:
    """Load YuNet.

    Args:
        model: As for `find_yunet`.
        score_threshold: As for `YuNetDetector`.
        min_size: As for `YuNetDetector`.
        turns: As for `YuNetDetector`.
        threads: CPU threads per detection.

    Raises:
        MoueError: a number is out of its range, or the file is missing or is not YuNet.
    """
    network = YuNet(find_yunet(model), threads=threads)
    return YuNetDetector(network, score_threshold=score_threshold, min_size=min_size, turns=turns)


def _is_available() -> bool:
    return store.find("yunet") is not None


DETECTOR: Final = DetectorKind("yunet", load_yunet, preference=2, available=_is_available, for_video={"turns": False})
