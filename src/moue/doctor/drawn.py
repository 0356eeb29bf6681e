"""Fourteen faces that moue drew, with the answers they should get.

`scripts/drawn_faces.py` makes both files. They are drawings of `moue.data.synthetic`: nobody's photographs.
"""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

from moue.faces.detectors.own import load_own
from moue.files import read_json, refuse_existing, replacing
from moue.recognition.analyzer import Analyzer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.classifier.classifier import Classifier

PICTURE: Final = Path(__file__).parent / "drawn_faces.png"
EXPECTED: Final = Path(__file__).parent / "drawn_faces.json"
SIDE: Final = 192
"""Pixels of a face in the files that `write_faces` makes."""

_SIZE: Final = 48
_CANVAS: Final = (360, 480)
_PLACE: Final = (80, 150)
_GROUND: Final = 128
# Warm skin whose Rec. 601 luma is the gray it is made from: 0.299 * 1.2 + 0.587 * 0.96 + 0.114 * 0.68 = 1.
_TINT: Final = (1.2, 0.96, 0.68)


@dataclasses.dataclass(frozen=True, eq=False)
class DrawnFaces:
    """The faces.

    Attributes:
        gray: uint8 (14, 48, 48).
        color: uint8 (14, 192, 192, 3) RGB.
        class_names: The classes.
        labels: int64 (14,).
    """

    gray: NDArray[np.uint8]
    color: NDArray[np.uint8]
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]

    @property
    def names(self) -> NDArray[np.str_]:
        """The class of each face, text (14,)."""
        return np.array(self.class_names)[self.labels]


@functools.cache
def drawn_faces() -> DrawnFaces:
    """Return the faces in the package."""
    with Image.open(PICTURE) as picture:
        strip = np.asarray(picture.convert("L"))
    gray = strip.reshape(_SIZE, -1, _SIZE).swapaxes(0, 1)
    large = np.stack([np.asarray(_enlarged(face)) for face in gray]).astype(np.float64)
    color = np.clip(np.rint(large[..., None] * _TINT), 0, 255).astype(np.uint8)
    said = read_json(EXPECTED)["labels"]
    names = tuple(dict.fromkeys(said))
    return DrawnFaces(np.ascontiguousarray(gray), color, names, np.array([names.index(name) for name in said]))


def expected_probabilities(fingerprint: str) -> dict[str, NDArray[np.float64]] | None:
    """Return the probabilities (14, K) that a network should answer when "given" and when "found", if recorded."""
    recorded: dict[str, Any] | None = read_json(EXPECTED)["expected"].get(fingerprint)
    return None if recorded is None else {way: np.array(recorded[way]) for way in ("given", "found")}


def predict_found(classifier: Classifier, faces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Return the probabilities (N, K) of faces that moue has to find in a larger image first; NaN where it does not.

    Args:
        classifier: The network.
        faces: uint8 (48, 48) each.
    """
    analyzer = Analyzer(classifier, load_own())
    rows = np.full((len(faces), len(classifier.class_names)), np.nan)
    for row, result in zip(rows, analyzer.analyze_many([_photo(face) for face in faces]), strict=True):
        if result.faces:
            row[:] = list(result.faces[0].probabilities.values())
    return rows


def _photo(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    photo = np.full(_CANVAS, _GROUND, np.uint8)
    top, left = _PLACE
    photo[top : top + SIDE, left : left + SIDE] = np.asarray(_enlarged(face))
    return photo


def _enlarged(face: NDArray[np.uint8]) -> Image.Image:
    return Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def write_faces(folder: str | Path, *, overwrite: bool = False) -> list[Path]:
    """Write the faces as colour PNG files, to be put through somebody's own preprocessing.

    Args:
        folder: Is made if it is not there.
        overwrite: Whether files of the same names may be replaced.

    Raises:
        MoueError: one of them exists and `overwrite` is false, or the folder cannot be written.
    """
    faces = drawn_faces()
    paths = [Path(folder) / f"{number:02}-{name}.png" for number, name in enumerate(faces.names.tolist(), 1)]
    for path in paths:
        refuse_existing(path, overwrite=overwrite)
    for path, face in zip(paths, faces.color, strict=True):
        with replacing(path, overwrite=overwrite) as temporary:
            Image.fromarray(face).save(temporary)
    return paths
