"""Results as flat rows, for tables and DataFrames."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MissingExtraError, MoueError, SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.recognition.image_result import ImageResult


TEXTS: Final = ("file", "status", "detector", "emotion", "message")
INTEGERS: Final = ("width", "height", "num_faces", "face", "frame", "track_id")
FLAGS: Final = ("unsure",)
"""The columns of each type; all others are numbers with decimals."""


def columns(class_names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a row's fields, in order."""
    return (
        *("file", "status", "width", "height", "num_faces", "detector", "face"),
        *("x", "y", "face_width", "face_height", "face_score", "emotion", "confidence", "unsure"),
        *(f"prob_{name}" for name in class_names),
        *("message", "frame", "time_s", "track_id"),  # the last three are for videos and empty for images
    )


def classes_of(results: Sequence[ImageResult]) -> tuple[str, ...]:
    """Return all classes of the results' models, in order."""
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
    listed = list(results) if isinstance(results, Iterable) else [results]
    if any(not hasattr(one, "to_rows") for one in listed):
        raise MoueError(f"the results are of type {type(results).__name__}", "what analyze returns, one or several")
    return listed


def to_df(results: ImageResult | Iterable[ImageResult], *, backend: str = "pandas") -> Any:  # noqa: ANN401 (optional)
    """Return a data frame with one row per face, or one row with the status for an image without a face.

    Args:
        results: What `analyze`, `analyze_many` or `analyze_stream` returns: one result, or any number of them.
        backend: "pandas" or "polars".

    Raises:
        MissingExtraError: the backend is not installed.
        MoueError: `results` or `backend` is something else.
    """
    if backend not in _BACKENDS:
        raise SettingError(f"unknown backend {backend!r}", f"one of {', '.join(_BACKENDS)}")
    try:
        module = importlib.import_module(backend)
    except ImportError as error:
        raise MissingExtraError(backend, backend) from error
    listed = _listed(results)
    class_names = classes_of(listed)
    rows = [row for result in listed for row in result.to_rows(class_names)]
    return _BACKENDS[backend](module, rows, list(columns(class_names)))


def _to_pandas(pd: Any, rows: list[dict[str, Any]], names: list[str]) -> Any:  # noqa: ANN401 (optional)
    try:
        return pd.DataFrame(rows, columns=names)
    except UnicodeEncodeError:  # pandas stores text with PyArrow, which refuses file names that are not Unicode
        with pd.option_context("mode.string_storage", "python"):
            return pd.DataFrame(rows, columns=names)


def _to_polars(pl: Any, rows: list[dict[str, Any]], names: list[str]) -> Any:  # noqa: ANN401 (optional)
    # Explicit types, since a column may have no value. Polars refuses file names that are not Unicode.
    types = {
        **dict.fromkeys(names, pl.Float64),
        **dict.fromkeys(TEXTS, pl.String),
        **dict.fromkeys(INTEGERS, pl.Int64),
        **dict.fromkeys(FLAGS, pl.Boolean),
    }
    safe = [{**row, "file": row["file"].encode("utf-8", "backslashreplace").decode("utf-8")} for row in rows]
    return pl.DataFrame(safe, schema={name: types[name] for name in names})


_BACKENDS: Final = {"pandas": _to_pandas, "polars": _to_polars}
