"""Distillation: a student learns from a teacher's probabilities as well as from the labels.

Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", arXiv:1503.02531. The teacher answers once
for each face of the training split and is never asked about validation or test faces. The run folder of the student
keeps the answers as ``teacher.npz``; that file is enough for a resumed run, for a second student and for a machine
without the teachers. `moue.training.targets.blend` says what the student is trained towards, and why that is not the
two-term loss of the paper.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.ensemble import Ensemble
from moue.errors import MoueError, SettingError
from moue.evaluation.tta import find_views
from moue.files import replacing
from moue.heads import list_heads
from moue.probabilities import check_probabilities
from moue.progress import ignore_progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from moue.classifier.classifier import Classifier
    from moue.data.dataset import Dataset
    from moue.progress import Progress

_FORMAT: Final = 1
_ORIGIN: Final = {"data", "views", "teachers"}
_BATCH: Final = 256


@dataclasses.dataclass(frozen=True, eq=False)
class TeacherOutputs:
    """A teacher's answers to the faces of a training split.

    Attributes:
        probabilities: By head ("emotion", and "perceived" if a teacher has it), float32 (n, K) for the n faces of the
            training split in row order.
        origin: Where they come from, as JSON values: ``data`` (`Dataset.checksum`), ``views``, and ``teachers``, each
            with name, ONNX SHA-256 and heads.
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

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write a ``.npz`` file, whole or not at all.

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
            MoueError: the file is missing or damaged, or about other data.
        """
        origin, probabilities = _read(path)
        if not isinstance(origin, dict) or origin.pop("format", None) != _FORMAT or set(origin) != _ORIGIN:
            raise MoueError(f"{path} is of another version", f"format {_FORMAT}", "Run the teachers again.")
        _refuse_other_faces(path, origin, probabilities, dataset)
        return cls(probabilities, origin)


def teach(
    teachers: Sequence[str | Path],
    dataset: Dataset,
    *,
    views: str = "single",
    progress: Progress = ignore_progress,
) -> TeacherOutputs:
    """Ask teachers about the training faces; give the answers to `moue.train` with a `distill_weight` above 0.

    The answers of several teachers are averaged, head by head over those that have the head. Each teacher's answers
    are calibrated first.

    Args:
        teachers: Run folders, ONNX files or names of shipped networks; or one ``.npz`` with earlier answers.
        dataset: The data; the teachers see only its training split.
        views: A name of `moue.evaluation.tta.list_views`, averaged over.
        progress: Called with the faces done and all faces.

    Raises:
        MoueError: no teacher, or a teacher that answers other classes.
    """
    if _are_answers(teachers):
        return TeacherOutputs.load(teachers[0], dataset)
    classifiers = _load(teachers, dataset)
    return _ask(classifiers, dataset, _describe(classifiers, dataset, views), progress)


def refuse_other_teachers(
    answers: TeacherOutputs, teachers: Sequence[str | Path], dataset: Dataset, views: str
) -> None:
    """Check that the answers of a run come from these teachers, without asking them again.

    Raises:
        MoueError: they come from others.
    """
    if _are_answers(teachers):
        origin = TeacherOutputs.load(teachers[0], dataset).origin
    else:
        origin = _describe(_load(teachers, dataset), dataset, views)
    if origin != answers.origin:
        raise MoueError(
            f"the run was started with the predictions of {_name(answers.origin)}", _name(origin), "Name another --out."
        )


def find_teacher(teacher: TeacherOutputs | str | Path | None, weight: float, dataset: Dataset) -> TeacherOutputs | None:
    """Return the answers that a training with this `distill_weight` uses; None if the weight is 0.

    Args:
        teacher: The answers, or a file that holds them.
        weight: The `distill_weight`.
        dataset: The data that the answers must be about.

    Raises:
        MoueError: there are none, though the weight is above 0; there are some, though it is 0; or they are about other
            data.
    """
    if not weight:
        if isinstance(teacher, TeacherOutputs):
            raise MoueError(
                "a teacher with distill_weight = 0",
                "a weight above 0",
                "TrainConfig.from_recipe(..., distill_weight=0.7)",
            )
        return None
    if teacher is None:
        raise SettingError(
            "no teacher",
            f"a teacher's predictions, because distill_weight = {weight:g}",
            "Start with moue distill … --teacher RUN, or add --set distill_weight=0.",
        )
    if isinstance(teacher, TeacherOutputs):
        _refuse_other_faces("the teacher", teacher.origin, teacher.probabilities, dataset)
        return teacher
    return TeacherOutputs.load(teacher, dataset)


def _are_answers(teachers: Sequence[str | Path]) -> bool:
    return len(teachers) == 1 and Path(teachers[0]).suffix == ".npz"


def _load(teachers: Sequence[str | Path], dataset: Dataset) -> Sequence[Classifier]:
    if not teachers:
        raise SettingError("no teacher", "one or more", "Give --teacher RUN.")
    classifiers = Ensemble.load(teachers).members
    _refuse_other_classes(classifiers, dataset)
    return classifiers


def _ask(
    classifiers: Sequence[Classifier],
    dataset: Dataset,
    origin: Mapping[str, Any],
    progress: Progress,
) -> TeacherOutputs:
    images, views = dataset.subset("train").images, find_views(origin["views"]).views
    counts = {head.name: len(_having(classifiers, head.name)) for head in list_heads()}
    voices = {head: len(views) * count for head, count in counts.items() if count}
    parts: dict[str, list[NDArray[np.float32]]] = {head: [] for head in voices}
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        # All heads in one pass, because the trunk is what takes time.
        said = [one.predict_heads(view(batch)) for view in views for one in classifiers]
        for head, count in voices.items():
            total: NDArray[np.float64] = np.sum([one[head] for one in said if head in one], axis=0, dtype=np.float64)
            parts[head].append((total / count).astype(np.float32))
        progress(start + len(batch), len(images))
    return TeacherOutputs({head: np.concatenate(rows) for head, rows in parts.items()}, origin)


def _having(classifiers: Sequence[Classifier], head: str) -> list[Classifier]:
    return [one for one in classifiers if any(known.name == head for known in one.spec.heads)]


def _describe(classifiers: Sequence[Classifier], dataset: Dataset, views: str) -> dict[str, Any]:
    teachers = [
        {
            "name": one.spec.name,
            "onnx_sha256": one.spec.onnx_sha256,
            "heads": [head.to_dict() for head in one.spec.heads],
        }
        for one in classifiers
    ]
    return {"data": dataset.checksum, "views": views, "teachers": teachers}


def _name(origin: Mapping[str, Any]) -> str:
    said = ", ".join(f"{one['name']} {one['onnx_sha256'][:12]}…" for one in origin["teachers"])
    return f"{said} ({origin['views']})"


def _refuse_other_classes(classifiers: Sequence[Classifier], dataset: Dataset) -> None:
    for one in classifiers:
        one.spec.head(list_heads()[0].name)  # every teacher must have the first head
        for head in list_heads():
            expected = head.names_for(dataset.class_names)
            found = one.spec.head(head.name).class_names if _having([one], head.name) else expected
            if found != expected:
                raise MoueError(
                    f"head {head.name!r} of {one.path} answers {', '.join(found)}",
                    ", ".join(expected),
                    "Use another teacher.",
                )


def _read(path: str | Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    try:
        _check_archive(path)
        with np.load(path, allow_pickle=False) as arrays:
            return json.loads(str(arrays["origin"])), {name: arrays[name] for name in arrays if name != "origin"}
    except Exception as error:
        raise MoueError(f"cannot read {path}: {error}", "a teacher's predictions, made by moue distill") from error


def _check_archive(path: str | Path) -> None:
    """Check all checksums first: NumPy may return or raise anything for a damaged archive."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"its part {damaged} is damaged")


def _refuse_other_faces(
    path: str | Path, origin: Mapping[str, Any], probabilities: Mapping[str, NDArray[Any]], dataset: Dataset
) -> None:
    if origin.get("data") != dataset.checksum:
        raise MoueError(
            f"{path} is about data with checksum {str(origin.get('data'))[:12]}…",
            f"{dataset.checksum[:12]}…, the checksum of {dataset.source or 'the data'}",
            "Give the data it was made from, or run the teachers again.",
        )
    count = len(dataset.where("train"))
    expected = {head.name: (count, len(head.names_for(dataset.class_names))) for head in list_heads()}
    for head, rows in probabilities.items():
        if head not in expected or check_probabilities(rows).shape != expected[head]:
            wanted = ", ".join(f"{name} {shape}" for name, shape in expected.items())
            raise MoueError(f"{path} has {head!r} of {rows.shape}", wanted, "Run the teachers again.")
