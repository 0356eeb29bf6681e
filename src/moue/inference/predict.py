"""Picture files to expressions, one row for each file whatever happens."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from moue.errors import MoueError
from moue.inference.images import DEFAULT_LIMITS, ImageLimits, Status, decode
from moue.inference.preprocess import fit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.inference.classifier import Classifier


@dataclasses.dataclass(frozen=True)
class FacePrediction:
    """What was found in one file.

    Attributes:
        file: The path as it was given.
        status: ``"ok"``, or why there is no answer: ``"empty"``, ``"unreadable"``, ``"too_large"``, ``"not_found"``,
            ``"unsupported"``.
        width: Pixels of the upright picture; 0 if unknown.
        height: As `width`.
        emotion: The class with the highest probability, or None.
        confidence: Its calibrated probability, 0-1, or None.
        probabilities: Calibrated probability of each class, 0-1, in class order, or None.
        message: What was wrong, or worth knowing; may be empty.
    """

    file: str
    status: Status
    width: int = 0
    height: int = 0
    emotion: str | None = None
    confidence: float | None = None
    probabilities: dict[str, float] | None = None
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "status": str(self.status)}


def predict_files(
    paths: Iterable[str | Path],
    classifier: Classifier,
    *,
    batch_size: int = 64,
    limits: ImageLimits = DEFAULT_LIMITS,
) -> Iterator[FacePrediction]:
    """Yield one row for each file, in order; each picture as a whole is taken as one face.

    No file ends the run: what cannot be read gets a row with its status. Of a picture only its 48x48 pixels are kept
    until its batch is full, so memory does not grow with the number of files.

    Args:
        paths: Files of any kind.
        classifier: The network.
        batch_size: Rows that are answered together; 1 gives each row at once.
        limits: What is refused before decoding.

    Raises:
        MoueError: `batch_size` is below 1, or the network itself fails: no fault of a picture.
    """
    if batch_size < 1:
        raise MoueError(f"batch_size is {batch_size}", "1 or more")
    return _predict(paths, classifier, batch_size, limits)


def _predict(
    paths: Iterable[str | Path], classifier: Classifier, batch_size: int, limits: ImageLimits
) -> Iterator[FacePrediction]:
    rows: list[tuple[FacePrediction, NDArray[np.uint8] | None]] = []
    for path in paths:
        rows.append(_look(path, classifier, limits))
        if len(rows) == batch_size:
            yield from _answer(rows, classifier)
            rows = []
    yield from _answer(rows, classifier)


def _look(
    path: str | Path, classifier: Classifier, limits: ImageLimits
) -> tuple[FacePrediction, NDArray[np.uint8] | None]:
    """Return the row without its answer, and the pixels that the network will see."""
    decoded = decode(path, limits)
    row = FacePrediction(os.fspath(path), decoded.status, decoded.width, decoded.height, message=decoded.message)
    return row, None if decoded.image is None else fit(decoded.image, classifier.spec.input)


def _answer(
    rows: list[tuple[FacePrediction, NDArray[np.uint8] | None]], classifier: Classifier
) -> Iterator[FacePrediction]:
    faces = [face for _, face in rows if face is not None]
    answers = iter(classifier.predict_proba(faces, batch_size=max(len(faces), 1)).tolist())
    names = classifier.class_names()
    for row, face in rows:
        if face is None:
            yield row
            continue
        probabilities = dict(zip(names, next(answers), strict=True))
        emotion = max(probabilities, key=probabilities.__getitem__)
        yield dataclasses.replace(row, emotion=emotion, confidence=probabilities[emotion], probabilities=probabilities)
