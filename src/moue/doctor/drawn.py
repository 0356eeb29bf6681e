"""Fourteen faces that moue drew, with the predictions that they should get.

`scripts/drawn_faces.py` makes both files. The faces are drawings by `moue.data.synthetic`, not photos of real people.
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

STRIP: Final = Path(__file__).parent / "drawn_faces.png"
EXPECTED: Final = Path(__file__).parent / "drawn_faces.json"
SIDE: Final = 192
"""Side in pixels of the faces that `write_faces` writes."""

_SIZE: Final = 48
_CANVAS: Final = (360, 480)
_PLACE: Final = (80, 150)
_GROUND: Final = 128
# A warm skin tone whose Rec. 601 luma equals the original gray: 0.299 * 1.2 + 0.587 * 0.96 + 0.114 * 0.68 = 1.
_TINT: Final = (1.2, 0.96, 0.68)


@dataclasses.dataclass(frozen=True, eq=False)
class DrawnFaces:
    """The drawn faces.

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
    """Return the faces that ship with moue."""
    with Image.open(STRIP) as image:
        strip = np.asarray(image.convert("L"))
    gray = strip.reshape(_SIZE, -1, _SIZE).swapaxes(0, 1)
    large = np.stack([np.asarray(_enlarged(face)) for face in gray]).astype(np.float64)
    color = np.clip(np.rint(large[..., None] * _TINT), 0, 255).astype(np.uint8)
    labels = read_json(EXPECTED)["labels"]
    names = tuple(dict.fromkeys(labels))
    return DrawnFaces(np.ascontiguousarray(gray), color, names, np.array([names.index(name) for name in labels]))


def expected_probabilities(fingerprint: str) -> dict[str, NDArray[np.float64]] | None:
    """Return the expected probabilities (14, K) for faces that are "given" and "found", or None if not recorded."""
    recorded: dict[str, Any] | None = read_json(EXPECTED)["expected"].get(fingerprint)
    return None if recorded is None else {way: np.array(recorded[way]) for way in ("given", "found")}


def predict_found(classifier: Classifier, faces: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Return the probabilities (N, K) of faces that are first detected in a larger image; NaN if none is detected.

    Args:
        classifier: The model.
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
    """Write the faces as colour PNG files, for users to run through their own preprocessing.

    Args:
        folder: Created if it does not exist.
        overwrite: Whether files of the same names may be replaced.

    Raises:
        MoueError: a file exists and `overwrite` is false, or the folder cannot be written.
    """
    faces = drawn_faces()
    paths = [Path(folder) / f"{number:02}-{name}.png" for number, name in enumerate(faces.names.tolist(), 1)]
    for path in paths:
        refuse_existing(path, overwrite=overwrite)
    for path, face in zip(paths, faces.color, strict=True):
        with replacing(path, overwrite=overwrite) as temporary:
            Image.fromarray(face).save(temporary)
    return paths
