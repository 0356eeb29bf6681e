"""Distillation: a student learns from a teacher's probabilities as well as from the labels.

Hinton, Vinyals & Dean 2015, "Distilling the knowledge in a neural network", arXiv:1503.02531. The teacher classifies
each face of the training split once, or each of its copies (`moue.training.copies`), and never sees validation or test
faces. The student's run folder keeps the predictions as ``teacher.npz``. That file is enough to resume the run, to
train a second student, or to train on a machine without the teachers. `moue.training.targets.blend` explains the
student's targets, and why they are not the two-term loss of the paper.
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
    """Predict the training faces with teachers; pass the result to `moue.train` with a `distill_weight` above 0.

    The calibrated probabilities of several teachers are averaged, each head over the teachers that have it.

    Args:
        teachers: Run folders, ONNX files or names of shipped models; or one ``.npz`` file with earlier predictions.
        dataset: The data; the teachers see only its training split.
        views: A name from `moue.evaluation.tta.list_views`; predictions are averaged over these views.
        config: The student's settings, if its `distill_copies` is above 0.
        progress: Called with the faces done and all faces.

    Raises:
        MoueError: there is no teacher, or a teacher predicts other classes.
    """
    if _is_outputs_file(teachers):
        return TeacherOutputs.load(teachers[0], dataset)
    classifiers = _load(teachers, dataset)
    origin = _describe(classifiers, dataset, views, config)
    images = dataset.subset("train").images
    number, parts = number_of_copies(origin), []
    for copy in range(number):
        moved = make_copy(images, config, copy) if config and config.distill_copies else images
        parts.append(_predict(classifiers, moved, views, functools.partial(_report, progress, copy, number)))
    return TeacherOutputs({head: np.concatenate([part[head] for part in parts]) for head in parts[0]}, origin)


def _report(progress: Progress, copy: int, number: int, done: int, count: int) -> None:
    """Report the progress over all copies, when `done` of the `count` faces of one copy are done."""
    progress(copy * count + done, number * count)


def refuse_other_teachers(
    outputs: TeacherOutputs, teachers: Sequence[str | Path], dataset: Dataset, views: str, config: TrainConfig
) -> None:
    """Check that the predictions of a run come from these teachers, without running them again.

    Raises:
        MoueError: they come from other teachers.
    """
    if _is_outputs_file(teachers):
        origin = TeacherOutputs.load(teachers[0], dataset).origin
    else:
        origin = _describe(_load(teachers, dataset), dataset, views, config)
    if origin != outputs.origin:
        raise MoueError(
            f"the run was started with the predictions of {_origin_text(outputs.origin)}",
            _origin_text(origin),
            "Name another --out.",
        )


def find_teacher(
    teacher: TeacherOutputs | str | Path | None, config: TrainConfig, dataset: Dataset
) -> TeacherOutputs | None:
    """Return the teacher's predictions that a training with these settings uses; None if its `distill_weight` is 0.

    Args:
        teacher: The predictions, or a file that holds them.
        config: All settings.
        dataset: The data that the predictions must be for.

    Raises:
        MoueError: there are no predictions although the weight is above 0, there are some although it is 0, or they are
            for other data or other copies.
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


def _refuse_other_copies(outputs: TeacherOutputs, config: TrainConfig) -> None:
    wanted, found = describe_copies(config).get("copies", {}), outputs.origin.get("copies", {})
    if wanted != found:
        different = [name for name in wanted | found if wanted.get(name) != found.get(name)]
        raise MoueError(
            f"the teacher classified copies with other settings ({', '.join(different)})",
            "those of the student",
            "Run the teachers again, or use the same settings (distill_copies and the moves).",
        )


def _is_outputs_file(teachers: Sequence[str | Path]) -> bool:
    return len(teachers) == 1 and Path(teachers[0]).suffix == ".npz"


def _load(teachers: Sequence[str | Path], dataset: Dataset) -> Sequence[Classifier]:
    if not teachers:
        raise SettingError("no teacher", "one or more", "Give --teacher RUN.")
    classifiers = Ensemble.load(teachers).members
    _refuse_other_classes(classifiers, dataset)
    return classifiers


def _predict(
    classifiers: Sequence[Classifier], images: NDArray[np.uint8], name: str, progress: Progress
) -> dict[str, NDArray[np.float32]]:
    views = find_views(name).views
    num_teachers = {head.name: len(_with_head(classifiers, head.name)) for head in list_heads()}
    num_outputs = {head: len(views) * count for head, count in num_teachers.items() if count}
    parts: dict[str, list[NDArray[np.float32]]] = {head: [] for head in num_outputs}
    for start in range(0, len(images), _BATCH):
        batch = images[start : start + _BATCH]
        # All heads in one pass, because the shared trunk takes most of the time.
        outputs = [classifier.predict_heads(view(batch)) for view in views for classifier in classifiers]
        for head, count in num_outputs.items():
            rows = [y_prob[head] for y_prob in outputs if head in y_prob]
            total: NDArray[np.float64] = np.sum(rows, axis=0, dtype=np.float64)
            parts[head].append((total / count).astype(np.float32))
        progress(start + len(batch), len(images))
    return {head: np.concatenate(batches) for head, batches in parts.items()}


def _with_head(classifiers: Sequence[Classifier], head: str) -> list[Classifier]:
    return [classifier for classifier in classifiers if any(known.name == head for known in classifier.spec.heads)]


def _describe(
    classifiers: Sequence[Classifier], dataset: Dataset, views: str, config: TrainConfig | None
) -> dict[str, Any]:
    teachers = [
        {
            "name": classifier.spec.name,
            "onnx_sha256": classifier.spec.onnx_sha256,
            "heads": [head.to_dict() for head in classifier.spec.heads],
        }
        for classifier in classifiers
    ]
    copies = describe_copies(config) if config else {}
    return {"data": dataset.checksum, "views": views, "teachers": teachers, **copies}


def _origin_text(origin: Mapping[str, Any]) -> str:
    teachers = ", ".join(f"{teacher['name']} {teacher['onnx_sha256'][:12]}…" for teacher in origin["teachers"])
    return f"{teachers} ({origin['views']})"


def _refuse_other_classes(classifiers: Sequence[Classifier], dataset: Dataset) -> None:
    for classifier in classifiers:
        classifier.spec.head(list_heads()[0].name)  # every teacher must have the first head
        for head in list_heads():
            expected = head.names_for(dataset.class_names)
            found = classifier.spec.head(head.name).class_names if _with_head([classifier], head.name) else expected
            if found != expected:
                raise MoueError(
                    f"head {head.name!r} of {classifier.path} predicts {', '.join(found)}",
                    ", ".join(expected),
                    "Use another teacher.",
                )
