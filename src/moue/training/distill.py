"""Distillation: a student learns from a teacher's probabilities as well as from the labels.

Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", arXiv:1503.02531. The teacher answers once
for each face of the training split, and its answers lie in the run folder as ``teacher.npz``, so that a run that is
resumed, a second student, and a machine without the teachers all do with that file. What the student is trained
towards, and why it is not their two-term loss, is said in `moue.training.targets.blend`.

The teacher's answers to validation and test faces are never made.
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
from moue.errors import MoueError
from moue.evaluation.tta import find_views
from moue.files import replacing
from moue.heads import list_heads
from moue.probabilities import check_probabilities
from moue.training.run_folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from moue.classifier.classifier import Classifier
    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig

_FORMAT: Final = 1
_ORIGIN: Final = {"data", "views", "teachers"}
_BATCH: Final = 256


@dataclasses.dataclass(frozen=True, eq=False)
class TeacherOutputs:
    """What a teacher said of each face of a training split.

    Attributes:
        probabilities: By head ("emotion", and "perceived" where a teacher has it), float32 (n, K), n the faces of the
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

    def save(self, path: str | Path) -> None:
        """Write a ``.npz`` file, whole or not at all.

        Raises:
            MoueError: the file exists or cannot be written.
        """
        with replacing(path, overwrite=False) as temporary:
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
            raise MoueError(f"{path} is of another version", f"format {_FORMAT}", "Ask the teachers again.")
        _refuse_other_faces(path, origin, probabilities, dataset)
        return cls(probabilities, origin)


def teach(
    out: str | Path,
    teachers: Sequence[str | Path],
    dataset: Dataset,
    *,
    views: str = "single",
    progress: Callable[[int, int], None] | None = None,
) -> TeacherOutputs:
    """Put the teachers' answers into the run folder of a student to be, unless they are there already.

    The answers of several teachers are averaged, head by head over those that have the head, each after its own
    temperature. `moue.train` finds them there when the configuration has a `distill_weight`.

    Args:
        out: The student's run folder, new, or one whose training was interrupted.
        teachers: Run folders, ONNX files or names of shipped networks; or one ``.npz`` that an earlier call wrote.
        dataset: The data; only its training split is shown to the teachers.
        views: A name of `moue.evaluation.tta.list_views`, averaged over.
        progress: Called with (faces done, faces in all).

    Raises:
        MoueError: no teacher, a teacher that answers other classes, a used folder, or one with other answers.
    """
    run = RunFolder(Path(out))
    if not teachers:
        raise MoueError("no teacher", "one or more", "Give --teacher RUN.")
    if len(teachers) == 1 and Path(teachers[0]).suffix == ".npz":
        made = TeacherOutputs.load(teachers[0], dataset)
        origin, make = made.origin, functools.partial(TeacherOutputs, made.probabilities, made.origin)
    else:
        classifiers = Ensemble.load(teachers).members
        _refuse_other_classes(classifiers, dataset)
        origin = _describe(classifiers, dataset, views)
        make = functools.partial(_ask, classifiers, dataset, origin, progress)
    if run.teacher.exists():
        there = TeacherOutputs.load(run.teacher, dataset)
        if there.origin != origin:
            raise MoueError(
                f"{run.teacher} holds the answers of {_name(there.origin)}", _name(origin), "Name another --out."
            )
        return there
    run.refuse_used()
    outputs = make()
    outputs.save(run.teacher)
    return outputs


def load_teacher(run: RunFolder, config: TrainConfig, dataset: Dataset) -> TeacherOutputs | None:
    """Return the answers in a run folder; None where the configuration does not want any.

    Raises:
        MoueError: there are none, though `distill_weight` is above 0.
    """
    if not config.distill_weight:
        return None
    if not run.teacher.exists():
        raise MoueError(
            f"{run.path} has no {run.teacher.name}",
            f"a teacher's answers, since distill_weight = {config.distill_weight:g}",
            "Start with moue distill … --teacher RUN, or add --set distill_weight=0.",
        )
    return TeacherOutputs.load(run.teacher, dataset)


def _ask(
    classifiers: Sequence[Classifier],
    dataset: Dataset,
    origin: Mapping[str, Any],
    progress: Callable[[int, int], None] | None,
) -> TeacherOutputs:
    images, views = dataset.subset("train").images, find_views(origin["views"]).views
    counts = {head.name: len(_having(classifiers, head.name)) for head in list_heads()}
    voices = {head: len(views) * count for head, count in counts.items() if count}
    parts: dict[str, list[NDArray[np.float32]]] = {head: [] for head in voices}
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        # Every head in one pass: the trunk is what costs.
        said = [one.predict_heads(view(batch)) for view in views for one in classifiers]
        for head, count in voices.items():
            total: NDArray[np.float64] = np.sum([one[head] for one in said if head in one], axis=0, dtype=np.float64)
            parts[head].append((total / count).astype(np.float32))
        if progress is not None:
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
                    "Take another teacher.",
                )


def _read(path: str | Path) -> tuple[Any, dict[str, NDArray[Any]]]:
    try:
        _check_archive(path)
        with np.load(path, allow_pickle=False) as arrays:
            return json.loads(str(arrays["origin"])), {name: arrays[name] for name in arrays if name != "origin"}
    except Exception as error:
        raise MoueError(f"cannot read {path}: {error}", "a teacher's answers, made by moue distill") from error


def _check_archive(path: str | Path) -> None:
    """Check all sums first: of a damaged archive NumPy may make anything, or raise anything."""
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
    if damaged:
        raise zipfile.BadZipFile(f"{damaged} in it is damaged")


def _refuse_other_faces(
    path: str | Path, origin: Mapping[str, Any], probabilities: Mapping[str, NDArray[Any]], dataset: Dataset
) -> None:
    if origin.get("data") != dataset.checksum:
        raise MoueError(
            f"{path} is about data of checksum {str(origin.get('data'))[:12]}…",
            f"{dataset.checksum[:12]}…, the checksum of {dataset.source or 'the data'}",
            "Give the data it was made from, or ask the teachers again.",
        )
    count = len(dataset.where("train"))
    expected = {head.name: (count, len(head.names_for(dataset.class_names))) for head in list_heads()}
    for head, rows in probabilities.items():
        if head not in expected or check_probabilities(rows).shape != expected[head]:
            wanted = ", ".join(f"{name} {shape}" for name, shape in expected.items())
            raise MoueError(f"{path} has {head!r} of {rows.shape}", wanted, "Ask the teachers again.")
