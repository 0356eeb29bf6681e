"""Distillation: a student learns from a teacher's probabilities as well as from the labels.

Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", arXiv:1503.02531. The teacher answers once
for each face of the training split, or for each of its copies (`moue.training.copies`), and is never asked about
validation or test faces. The run folder of the student
keeps the answers as ``teacher.npz``; that file is enough for a resumed run, for a second student and for a machine
without the teachers. `moue.training.targets.blend` says what the student is trained towards, and why that is not the
two-term loss of the paper.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.ensemble import Ensemble
from moue.errors import MoueError, SettingError
from moue.evaluation.tta import find_views
from moue.heads import list_heads
from moue.progress import ignore_progress
from moue.training.copies import describe_copies, make_copy
from moue.training.teacher_outputs import TeacherOutputs, number_of_copies, refuse_other_faces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from moue.classifier.classifier import Classifier
    from moue.data.dataset import Dataset
    from moue.progress import Progress
    from moue.training.config import TrainConfig

_BATCH: Final = 256


def teach(
    teachers: Sequence[str | Path],
    dataset: Dataset,
    *,
    views: str = "single",
    config: TrainConfig | None = None,
    progress: Progress = ignore_progress,
) -> TeacherOutputs:
    """Ask teachers about the training faces; give the answers to `moue.train` with a `distill_weight` above 0.

    The answers of several teachers are averaged, head by head over those that have the head. Each teacher's answers
    are calibrated first.

    Args:
        teachers: Run folders, ONNX files or names of shipped networks; or one ``.npz`` with earlier answers.
        dataset: The data; the teachers see only its training split.
        views: A name of `moue.evaluation.tta.list_views`, averaged over.
        config: The student's choices, if its `distill_copies` is above 0.
        progress: Called with the faces done and all faces.

    Raises:
        MoueError: no teacher, or a teacher that answers other classes.
    """
    if _are_answers(teachers):
        return TeacherOutputs.load(teachers[0], dataset)
    classifiers = _load(teachers, dataset)
    origin = _describe(classifiers, dataset, views, config)
    images = dataset.subset("train").images
    number, parts = number_of_copies(origin), []
    for copy in range(number):
        seen = make_copy(images, config, copy) if config and config.distill_copies else images
        parts.append(_ask(classifiers, seen, views, functools.partial(_report, progress, copy, number)))
    return TeacherOutputs({head: np.concatenate([part[head] for part in parts]) for head in parts[0]}, origin)


def _report(progress: Progress, copy: int, number: int, done: int, count: int) -> None:
    """Report the faces done of all copies, when `done` of the `count` faces of one copy are done."""
    progress(copy * count + done, number * count)


def refuse_other_teachers(
    answers: TeacherOutputs, teachers: Sequence[str | Path], dataset: Dataset, views: str, config: TrainConfig
) -> None:
    """Check that the answers of a run come from these teachers, without asking them again.

    Raises:
        MoueError: they come from others.
    """
    if _are_answers(teachers):
        origin = TeacherOutputs.load(teachers[0], dataset).origin
    else:
        origin = _describe(_load(teachers, dataset), dataset, views, config)
    if origin != answers.origin:
        raise MoueError(
            f"the run was started with the predictions of {_name(answers.origin)}", _name(origin), "Name another --out."
        )


def find_teacher(
    teacher: TeacherOutputs | str | Path | None, config: TrainConfig, dataset: Dataset
) -> TeacherOutputs | None:
    """Return the answers that a training with these choices uses; None if its `distill_weight` is 0.

    Args:
        teacher: The answers, or a file that holds them.
        config: Every choice.
        dataset: The data that the answers must be about.

    Raises:
        MoueError: there are none, though the weight is above 0; there are some, though it is 0; or they are about other
            data or other copies.
    """
    if not config.distill_weight:
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
            f"a teacher's predictions, because distill_weight = {config.distill_weight:g}",
            "Start with moue distill … --teacher RUN, or add --set distill_weight=0.",
        )
    if isinstance(teacher, TeacherOutputs):
        refuse_other_faces("the teacher", teacher.origin, teacher.probabilities, dataset)
    else:
        teacher = TeacherOutputs.load(teacher, dataset)
    _refuse_other_copies(teacher, config)
    return teacher


def _refuse_other_copies(answers: TeacherOutputs, config: TrainConfig) -> None:
    wanted, found = describe_copies(config).get("copies", {}), answers.origin.get("copies", {})
    if wanted != found:
        different = [name for name in wanted | found if wanted.get(name) != found.get(name)]
        raise MoueError(
            f"the teacher classified copies with other settings ({', '.join(different)})",
            "those of the student",
            "Run the teachers again, or use the same settings (distill_copies and the moves).",
        )


def _are_answers(teachers: Sequence[str | Path]) -> bool:
    return len(teachers) == 1 and Path(teachers[0]).suffix == ".npz"


def _load(teachers: Sequence[str | Path], dataset: Dataset) -> Sequence[Classifier]:
    if not teachers:
        raise SettingError("no teacher", "one or more", "Give --teacher RUN.")
    classifiers = Ensemble.load(teachers).members
    _refuse_other_classes(classifiers, dataset)
    return classifiers


def _ask(
    classifiers: Sequence[Classifier], images: NDArray[np.uint8], name: str, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    views = find_views(name).views
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
    return {head: np.concatenate(rows) for head, rows in parts.items()}


def _having(classifiers: Sequence[Classifier], head: str) -> list[Classifier]:
    return [one for one in classifiers if any(known.name == head for known in one.spec.heads)]


def _describe(
    classifiers: Sequence[Classifier], dataset: Dataset, views: str, config: TrainConfig | None
) -> dict[str, Any]:
    teachers = [
        {
            "name": one.spec.name,
            "onnx_sha256": one.spec.onnx_sha256,
            "heads": [head.to_dict() for head in one.spec.heads],
        }
        for one in classifiers
    ]
    copies = describe_copies(config) if config else {}
    return {"data": dataset.checksum, "views": views, "teachers": teachers, **copies}


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
