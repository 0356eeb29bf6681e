"""Results as flat rows, which tables and DataFrames are made of."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError, MoueError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.recognition.results import ImageResult


def columns(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a row's fields, in order."""
    return (
        *("file", "status", "width", "height", "num_faces", "detector", "face"),
        *("x", "y", "face_width", "face_height", "face_score", "emotion", "confidence", "unsure"),
        *(f"prob_{name}" for name in class_names),
        *("message", "frame", "time_s", "track_id"),  # the last three belong to videos, and are empty for images
    )


def classes_of(results: Sequence[ImageResult]) -> tuple[str, ...]:
    """Return all classes that the results' models tell apart, in order."""
    known = (name for result in results for name in result.class_names)
    seen = (name for result in results for face in result.faces for name in face.probabilities)
    return tuple(dict.fromkeys(itertools.chain(known, seen)))


def rows_of(result: ImageResult, class_names: Sequence[str]) -> list[dict[str, Any]]:
    """Return one flat row for each face, or a single row with the status; the keys are those of `columns`."""
    common: dict[str, Any] = {
        **dict.fromkeys(columns(class_names)),
        "file": result.file,
        "status": str(result.status),
        "width": result.width or None,
        "height": result.height or None,
        "num_faces": len(result.faces),
        "detector": result.detector,
        "message": result.message,
    }
    return [
        {
            **common,
            "face": number,
            **dict(zip(("x", "y", "face_width", "face_height"), face.box, strict=True)),
            "face_score": face.face_score,
            "emotion": face.emotion,
            "confidence": face.confidence,
            "unsure": face.unsure,
            **{f"prob_{name}": face.probabilities.get(name) for name in class_names},
        }
        for number, face in enumerate(result.faces)
    ] or [common]


def _listed(results: Any) -> list[ImageResult]:  # noqa: ANN401 (a wrong type too)
    found = list(results) if isinstance(results, Iterable) else [results]
    if any(not hasattr(one, "to_rows") for one in found):
        raise MoueError(f"the results are of type {type(results).__name__}", "what analyze returns, one or several")
    return found


def to_df(results: ImageResult | Iterable[ImageResult]) -> Any:  # noqa: ANN401 (pandas is optional)
    """Return a pandas DataFrame with one row for each face, or one with the status for an image without a face.

    Args:
        results: What `analyze`, `analyze_many` or `analyze_stream` return: one result, or any number of them.

    Raises:
        MissingExtraError: pandas is not installed.
        MoueError: `results` are something else.
    """
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError("pandas", "pandas") from error
    found = _listed(results)
    class_names = classes_of(found)
    rows = [row for result in found for row in result.to_rows(class_names)]
    try:
        return pd.DataFrame(rows, columns=list(columns(class_names)))
    except UnicodeEncodeError:  # pandas keeps text in PyArrow, which takes no file name that is not Unicode
        with pd.option_context("mode.string_storage", "python"):
            return pd.DataFrame(rows, columns=list(columns(class_names)))
