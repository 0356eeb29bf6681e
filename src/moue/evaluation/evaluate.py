"""`evaluate`: score any model on one split, once, and record everything needed to judge the result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.data.dataset import ALL, Dataset, refuse_no_dataset
from moue.errors import MoueError
from moue.evaluation.evaluation import Baseline, Evaluation
from moue.evaluation.metrics import score
from moue.evaluation.references import score_reference
from moue.evaluation.seen import Seen, find_seen
from moue.evaluation.shown_faces import report_faces
from moue.evaluation.tta import Viewed, average_views, find_views, views_of
from moue.heads import EXPRESSION, find_head, reference_for_expression
from moue.labels import FERPLUS_NAMES
from moue.probabilities import check_probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from moue.evaluation.references import ReferenceScores

    Outputs: TypeAlias = dict[str, NDArray[np.float32]]
    PredictProba: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[Any]]

__all__ = ["Evaluation", "evaluate"]


def evaluate(
    model: Classifier | Ensemble | PredictProba | str | Path,
    dataset: Dataset,
    *,
    split: str = "test",
    views: str = "single",
    batch_size: int = 256,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Score a model on one split: on all its faces, without the leaked ones, and against FER+ if there are votes.

    All scores come from one pass. A `Classifier` or an `Ensemble` is scored by its first raw head, as in benchmarks;
    its other heads and `expression` are scored too, each against its own reference (`moue.heads`). The first head of a
    single model is scored before temperature scaling, so that a report can show what the temperature does; an ensemble
    averages calibrated probabilities.

    Args:
        model: A `Classifier`, an `Ensemble`, what `Classifier.load` takes, or a function that maps uint8
            (n, 48, 48, 1) of 0-255 to probabilities float (n, K) in the order of the data's class names. Pass a model
            itself and not its `predict_proba`, which returns `expression`: what people see, while FER2013's label is
            the search keyword.
        dataset: The data, with its training split, which the leak check and the baseline need. A model may have more
            classes than the data; they are matched by name.
        split: "test" (scored once, at the end), "val" or "train"; "all" scores every face, for data of other origin.
        views: A name of `moue.evaluation.tta.list_views`: the crops of each face that are averaged over.
        batch_size: Faces per call of the model, 1 or more.
        progress: Called with (faces done, faces in total) after each batch.

    Raises:
        MoueError: the split is empty, the data set has classes that the model lacks, or the model's output has the
            wrong shape or is not a distribution.
    """
    refuse_no_dataset(dataset)
    model = _open(model)
    checksum = dataset.checksum
    seen = _find_seen(model, dataset, split)
    if isinstance(model, Classifier | Ensemble):
        dataset = dataset.with_classes(classes_of(model))
    part = dataset.where(split)
    if not len(part):
        raise MoueError(
            f"{dataset.source or 'the data'} has no {split} faces", f"faces in the split {split}",
            "Choose another split, or other data.",
        )  # fmt: skip
    if batch_size < 1:
        raise MoueError(f"batch size {batch_size}", "1 or more")
    view_set = views_of(model) if isinstance(model, Viewed) else find_views(views)
    faces = dataset.take(part)
    outputs = _predict(model, view_set.name, faces, batch_size, progress)
    first, y_prob = next(iter(outputs.items()))
    names, y_true = dataset.class_names, faces.labels.astype(np.int64)
    clean = _without_twins(dataset, split)
    baseline = None if split == ALL else _baseline(dataset, y_true)
    index = report_faces(y_true, y_prob)
    return Evaluation(
        official=score(y_true, y_prob, names),
        without_twins=None if clean is None else score(y_true[clean], y_prob[clean], names),
        ferplus=_against_majority(faces, y_prob),
        heads=_score_heads({name: rows for name, rows in outputs.items() if name != first}, faces),
        baseline=baseline,
        y_true=y_true,
        y_prob=y_prob,
        rows=faces.rows,
        face_index=index,
        face_images=faces.images[index],
        split=split,
        split_rule=dataset.split_rule,
        num_views=len(view_set),
        views=view_set.name,
        source=dataset.source,
        checksum=checksum,
        members=_members(model),
        temperature=None if split == ALL else _temperature(model),
        seen=seen,
    )


def _open(model: Classifier | Ensemble | PredictProba | str | Path) -> Classifier | Ensemble | PredictProba:
    if isinstance(model, str | Path):
        return Classifier.load(model)
    if not callable(model) and not isinstance(model, Classifier | Ensemble):
        raise MoueError(f"the model is of type {type(model).__name__}", "a Classifier, an Ensemble, or a function")
    return model


def classes_of(model: Classifier | Ensemble) -> tuple[str, ...]:
    """Return the classes of the head that is scored."""
    classifier = model if isinstance(model, Classifier) else model.members[0]
    return classifier.spec.heads[0].class_names


def _predict(
    model: Classifier | Ensemble | PredictProba,
    views: str,
    faces: Dataset,
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> Outputs:
    """Return the probabilities of each output of a model; the one that benchmarks score comes first."""
    predict = _predictor(model, views)
    parts: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(faces), batch_size):
        images = faces.images[start : start + batch_size]
        for name, rows in predict(images).items():
            checked = _check_rows(rows, len(images), faces) if not parts or name == next(iter(parts)) else rows
            parts.setdefault(name, []).append(np.asarray(checked, np.float32))
        if progress is not None:
            progress(start + len(images), len(faces))
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def _predictor(
    model: Classifier | Ensemble | PredictProba, views: str
) -> Callable[[NDArray[np.uint8]], dict[str, NDArray[Any]]]:
    """Return a function from images to probabilities by name, averaged over views."""
    if isinstance(model, Viewed):
        return lambda images: {"": np.asarray(model(images))}
    if not isinstance(model, Classifier | Ensemble):
        return lambda images: average_views(lambda view: {"": np.asarray(model(view))}, images, views)
    calibrated = isinstance(model, Ensemble) and len(model.members) > 1
    first = next((head for head in model.heads if head != EXPRESSION), EXPRESSION)

    def predict(images: NDArray[np.uint8]) -> dict[str, NDArray[Any]]:
        outputs = model.predict_heads(images, calibrated=calibrated, batch_size=len(images))
        return {first: outputs[first], **outputs}

    return lambda images: average_views(predict, images, views)


def _check_rows(rows: NDArray[Any], count: int, faces: Dataset) -> NDArray[np.float64]:
    if rows.shape != (count, len(faces.class_names)):
        raise MoueError(
            f"the model returned an array {rows.shape} for {count} faces",
            f"({count}, {len(faces.class_names)}): one probability for each of {', '.join(faces.class_names)}",
            "Was the model trained on other classes?",
        )
    return check_probabilities(rows)


def _score_heads(outputs: Outputs, faces: Dataset) -> dict[str, ReferenceScores]:
    """Score the outputs other than the first head, if they have a reference for these faces."""
    by_name = {}
    for name, y_prob in outputs.items():
        if name == EXPRESSION:
            fits = y_prob.shape[1] == len(faces.class_names)
            reference = reference_for_expression(faces, y_prob) if fits else None
        else:
            head = find_head(name)
            reference = head.reference(faces, y_prob) if faces.votes is not None or not head.needs_votes else None
        scores = None if reference is None else score_reference(reference, faces)
        if scores is not None:
            by_name[name] = scores
    return by_name


def _against_majority(faces: Dataset, y_prob: NDArray[np.float32]) -> ReferenceScores | None:
    """Score the first head against the FER+ majority too; None without votes or without any majority."""
    if faces.votes is None or not set(faces.class_names) <= set(FERPLUS_NAMES):
        return None
    return score_reference(reference_for_expression(faces, y_prob), faces)


def _without_twins(dataset: Dataset, split: str) -> NDArray[np.bool_] | None:
    """Return a mask, bool (n,), of the faces without a twin in the training split; None if that has no meaning."""
    if split in ("train", ALL) or not len(dataset.where("train")):
        return None
    mask = ~dataset.has_twin(split)
    return mask if mask.any() else None


def _baseline(dataset: Dataset, y_true: NDArray[np.int64]) -> Baseline | None:
    train = dataset.labels[dataset.where("train")]
    if not len(train):
        return None
    label = int(np.bincount(train).argmax())
    return Baseline(class_name=dataset.class_names[label], accuracy=float((y_true == label).mean()))


def _find_seen(model: object, dataset: Dataset, split: str) -> Seen | None:
    members = model.members if isinstance(model, Ensemble) else [model]
    classifiers = [member for member in members if isinstance(member, Classifier)]
    return find_seen(classifiers, dataset, split) if classifiers else None


def _members(model: object) -> tuple[str, ...]:
    if not isinstance(model, Ensemble) or len(model.members) < 2:
        return ()
    paths = [member.path for member in model.members]
    return tuple(str(path.parent if path.name == "model.onnx" else path) for path in paths)


def _temperature(model: object) -> float | None:
    """Return the temperature of a single model's first head; None for anything else."""
    if isinstance(model, Ensemble):
        model = model.members[0] if len(model.members) == 1 else None
    spec = getattr(model, "spec", None)
    return None if spec is None else float(spec.heads[0].temperature)
