"""`TeacherOutputs`: a teacher's predictions for training faces, and the file ``teacher.npz``."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MoueError
from moue.files import replacing
from moue.heads import list_heads
from moue.probabilities import check_probabilities

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

_FORMAT: Final = 1
_ORIGIN: Final = {"data", "views", "teachers"}


@dataclasses.dataclass(frozen=True, eq=False)
class TeacherOutputs:
    """A teacher's predictions for the faces of a training split.

    Attributes:
        probabilities: By head ("emotion", and "perceived" if a teacher has it), float32 (n, K) for the n faces of the
            training split in row order. With C copies (C * n, K): first copy 0 of all faces, then copy 1 …
        origin: Where the predictions come from, as JSON values: ``data`` (`Dataset.checksum`), ``views``, ``teachers``,
            each with name, ONNX SHA-256 and heads, and ``copies`` if there are any, with their number and settings.
    """

    probabilities: Mapping[str, NDArray[np.float32]]
    origin: Mapping[str, Any]

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 of all probabilities, 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for head in sorted(self.probabilities):
            digest.update(head.encode() + np.ascontiguousarray(self.probabilities[head]).tobytes())
        return digest.hexdigest()

    def each_copy(self) -> list[dict[str, NDArray[np.float32]]]:
        """Return the probabilities of each copy by head, float32 (n, K); one entry if there are no copies."""
        number = number_of_copies(self.origin)
        return [
            {head: np.split(rows, number)[copy] for head, rows in self.probabilities.items()} for copy in range(number)
        ]

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a ``.npz`` file atomically.

        Raises:
            MoueError: the file exists or cannot be written.
        """
        with replacing(path, overwrite=overwrite) as temporary:
            origin = np.array(json.dumps({"format": _FORMAT, **self.origin}))
            arrays: dict[str, Any] = {"origin": origin, **self.probabilities}
            np.savez_compressed(temporary, **arrays)

    @classmethod
    def load(cls, path: str | Path, dataset: Dataset) -> TeacherOutputs:
        """Read what `save` wrote, for the data it was made from.

        Raises:
            MoueError: the file is missing, damaged, or made from other data.
        """
        origin, probabilities = _read(path)
        if not isinstance(origin, dict) or origin.pop("format", None) != _FORMAT or set(origin) - {"copies"} != _ORIGIN:
            raise MoueError(f"{path} has another version", f"format {_FORMAT}", "Run the teachers again.")
        refuse_other_faces(path, origin, probabilities, dataset)
        return cls(probabilities, origin)


def number_of_copies(origin: Mapping[str, Any]) -> int:
    """Return the number of copies of each face that predictions of this origin cover; 1 for the plain faces."""
    return int(origin.get("copies", {}).get("number", 1))


def _read(path: str | Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    try:
        _check_archive(path)
        with np.load(path, allow_pickle=False) as arrays:
            return json.loads(str(arrays["origin"])), {name: arrays[name] for name in arrays if name != "origin"}
    except Exception as error:
        raise MoueError(f"cannot read {path}: {error}", "a teacher's predictions, made by moue distill") from error


def _check_archive(path: str | Path) -> None:
    """Verify all checksums first: for a damaged archive, NumPy may return or raise anything."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"its part {damaged} is damaged")


def refuse_other_faces(
    path: str | Path, origin: Mapping[str, Any], probabilities: Mapping[str, NDArray[Any]], dataset: Dataset
) -> None:
    """Check that predictions of this origin are for these training faces.

    Raises:
        MoueError: they are for other faces, or have another shape.
    """
    if origin.get("data") != dataset.checksum:
        raise MoueError(
            f"{path} is about data with checksum {str(origin.get('data'))[:12]}…",
            f"{dataset.checksum[:12]}…, the checksum of {dataset.source or 'the data'}",
            "Give the data it was made from, or run the teachers again.",
        )
    count = len(dataset.where("train")) * number_of_copies(origin)
    expected = {head.name: (count, len(head.names_for(dataset.class_names))) for head in list_heads()}
    for head, rows in probabilities.items():
        if head not in expected or check_probabilities(rows).shape != expected[head]:
            wanted = ", ".join(f"{name} {shape}" for name, shape in expected.items())
            raise MoueError(f"{path} has {head!r} of {rows.shape}", wanted, "Run the teachers again.")
