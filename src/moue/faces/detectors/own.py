"""moue's own face detector: a small network in the package, run by ONNX Runtime at several scales.

The network detects faces of about 17 to 60 pixels in gray images. It runs on an image at scales that differ by a factor
of 0.6, so every face has such a size at one of them, and most faces at two. How it was made: `moue.training.detector`.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from moue.classifier.runtime import open_session, read_network
from moue.errors import SettingError
from moue.faces.boxes import merge, overlap
from moue.faces.face import Face
from moue.faces.registry import DetectorKind
from moue.files import read_json
from moue.media.pixels import to_gray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

STRIDE: Final = 8
"""Pixels of the input for each cell of the network's maps."""

UNIT: Final = 32.0
"""The network outputs boxes and landmarks in units of this many pixels."""

SIZES: Final = (14.0, 75.0)
"""Face sizes that count at each scale, in pixels of that scale: the square root of the box's area."""

_WEIGHTS: Final = Path(__file__).parents[2] / "weights" / "faces" / "own.onnx"
_STEP: Final = 0.6
_LARGEST_VIEW: Final = 448  # longest side of the first view of an ordinary image; finds faces from 20 pixels in 640
_FINE_VIEW: Final = 1088  # the same for a much larger image
_FINE_ABOVE: Final = 1000
_MIN_VIEW: Final = 160  # a small image is enlarged to this
_LAST_VIEW: Final = 40
_ALIGN: Final = 16
_MAX_OVERLAP: Final = 0.35
_FIX: Final = "Install moue again."
_FIX_TRAINED: Final = "Give own.onnx, the file that moue detector train wrote."


@dataclasses.dataclass(frozen=True)
class OwnOptions:
    """The detector's options.

    Attributes:
        score_threshold: Lowest face_score that counts, 0-1.
        min_size: Smallest face in pixels of the image: the square root of its box's area.
        threads: CPU threads per detection.

    Raises:
        MoueError: a number is out of its range.
    """

    score_threshold: float
    min_size: float = 12.0
    threads: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.score_threshold < 1:
            raise SettingError(f"score_threshold is {self.score_threshold}", "a number between 0 and 1")
        if not 0 <= self.min_size < math.inf:
            raise SettingError(f"min_size is {self.min_size}", "a number of 0 or more")


class OwnDetector:
    """Finds upright faces, tilted by up to about 35 degrees, from 20 pixels up to the whole image."""

    name = "own"

    def __init__(self, options: OwnOptions, path: Path) -> None:
        self.options = options
        fix = _FIX if path == _WEIGHTS else _FIX_TRAINED
        self._session = open_session(read_network(path, fix), path, threads=options.threads, fix=fix, many_sizes=True)

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return the faces of an image, the most confident first.

        Args:
            image: uint8 RGB (H, W, 3).
        """
        gray = Image.fromarray(to_gray(np.ascontiguousarray(image)))
        found: list[Face] = []
        view = gray
        for scale in scales(*image.shape[:2]):
            # Each view is made from the previous one, which is larger.
            size = max(1, round(gray.width * scale)), max(1, round(gray.height * scale))
            view = view.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
            found += [face.moved(gray.width / view.width) for face in self._detect_view(np.asarray(view))]
        return [face for face in merge(found) if math.sqrt(face.width * face.height) >= self.options.min_size]

    def _detect_view(self, pixels: NDArray[np.uint8]) -> list[Face]:
        """Return the faces of one view, uint8 (H, W), in its pixels."""
        height, width = pixels.shape
        padded = np.pad(pixels, ((0, -height % _ALIGN), (0, -width % _ALIGN)), mode="edge")
        score, box, landmarks = self._session.run(
            ["score", "box", "landmarks"], {"images": padded[None, ..., None].astype(np.float32)}
        )
        faces = decode(score[0, ..., 0], box[0], landmarks[0], self.options.score_threshold)
        kept: list[Face] = []
        for face in sorted(faces, key=lambda face: -face.face_score):
            if not any(overlap(face, other)[0] > _MAX_OVERLAP for other in kept):
                kept.append(face)
        return kept


def decode(
    score: NDArray[np.float32], box: NDArray[np.float32], landmarks: NDArray[np.float32], threshold: float
) -> Iterator[Face]:
    """Yield a face for each cell whose score reaches the threshold.

    Args:
        score: float32 (h, w), 0-1, for each cell of `STRIDE` pixels.
        box: float32 (h, w, 4): the offset from the cell's centre to the face's centre, x and y over `UNIT`, then log of
            width and height over `UNIT`.
        landmarks: float32 (h, w, 10): the offset from the cell's centre to each landmark, x and y over `UNIT`.
        threshold: Lowest score.
    """
    for row, column in zip(*np.nonzero(score >= threshold), strict=True):
        centre = np.array([column + 0.5, row + 0.5]) * STRIDE
        width, height = (float(side) for side in np.exp(np.clip(box[row, column, 2:], -4, 4)) * UNIT)
        if not SIZES[0] <= math.sqrt(width * height) <= SIZES[1]:
            continue
        x, y = (float(value) for value in centre + box[row, column, :2] * UNIT)
        points = (landmarks[row, column].reshape(5, 2) * UNIT + centre).astype(np.float32)
        yield Face(x - width / 2, y - height / 2, width, height, points, float(score[row, column]))


def scales(height: int, width: int) -> list[float]:
    """Return the scales at which an image of that size is searched, the largest first."""
    longest = max(height, width)
    if longest < _MIN_VIEW:
        first = _MIN_VIEW / longest
    elif longest > _FINE_ABOVE:
        first = _FINE_VIEW / longest
    else:
        first = min(1.0, _LARGEST_VIEW / longest)
    found = [first]
    while longest * found[-1] * _STEP >= _LAST_VIEW:
        found.append(found[-1] * _STEP)
    return found


def description() -> dict[str, Any]:
    """Return the description of the shipped network: figures, data, licence, SHA-256, default threshold."""
    content: dict[str, Any] = read_json(_WEIGHTS.with_suffix(".json"))
    return content


def load_own(*, score_threshold: float | None = None, min_size: float = 12.0, threads: int = 1) -> OwnDetector:
    """Load the shipped network.

    Args:
        score_threshold: Lowest face_score that counts, 0-1; None uses the one chosen for the network.
        min_size: As `OwnOptions`.
        threads: As `OwnOptions`.

    Raises:
        MoueError: a number is out of its range, or a file of the package is missing.
    """
    threshold = description()["score_threshold"] if score_threshold is None else score_threshold
    return OwnDetector(OwnOptions(threshold, min_size, threads), _WEIGHTS)


DETECTOR: Final = DetectorKind("own", load_own, preference=1)
