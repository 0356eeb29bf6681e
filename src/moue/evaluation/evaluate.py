"""`evaluate`: score any model on one split, once, and say everything needed to judge the number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from moue.errors import MoueError
from moue.evaluation.evaluation import Baseline, Evaluation, report_faces
from moue.evaluation.ferplus import FerplusScores, score_majority
from moue.evaluation.metrics import score
from moue.evaluation.tta import views_of
from moue.probabilities import check_probabilities

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

__all__ = ["Evaluation", "evaluate"]


def evaluate(
    predict_proba: Callable[[NDArray[np.uint8]], NDArray[Any]],
    dataset: Dataset,
    *,
    split: str = "test",
    batch_size: int = 256,
    progress: Callable[[int, int], None] | None = None,
    command: str = "",
) -> Evaluation:
    """Score a model on one split: the whole split, without its leaked faces, and against FER+ where votes are there.

    All figures come from one pass. There is no test-time augmentation unless `predict_proba` comes from
    `moue.evaluation.tta.with_views`, which the result then names.

    Args:
        predict_proba: Maps uint8 (n, 48, 48, 1) of 0-255 to probabilities float (n, K) in the order of the data's
            class names. Give the model's own output, before temperature scaling: the report applies the temperature.
        dataset: The data, with its training split, which the leak check and the baseline need.
        split: "test" (scored once, at the end), "val" or "train".
        batch_size: Faces per call of `predict_proba`, 1 or more.
        progress: Called with (faces done, faces in all) after each batch.
        command: The command line that asked for this, for the report.

    Raises:
        MoueError: the split is empty, or the model's output has the wrong shape or is no distribution.
    """
    part = dataset.where(split)
    if not len(part):
        raise MoueError(
            f"{dataset.source or 'the data'} has no '{split}' faces", f"faces of the split '{split}'",
            "Choose another split, or read data that has one.",
        )  # fmt: skip
    if batch_size < 1:
        raise MoueError(f"batch size {batch_size}", "1 or more")
    y_prob = _predict(predict_proba, dataset, part, batch_size, progress)
    y_true = dataset.labels[part].astype(np.int64)
    names = dataset.class_names
    clean = _without_twins(dataset, split, part)
    faces = report_faces(y_true, y_prob)
    views = views_of(predict_proba)
    return Evaluation(
        official=score(y_true, y_prob, names),
        without_twins=None if clean is None else score(y_true[clean], y_prob[clean], names),
        ferplus=_ferplus(dataset, part, y_true, y_prob),
        baseline=_baseline(dataset, y_true),
        y_true=y_true,
        y_prob=y_prob,
        rows=dataset.rows[part],
        face_index=faces,
        face_images=dataset.images[part[faces]],
        split=split,
        split_rule=dataset.split_rule,
        num_views=len(views),
        views=views.name,
        source=dataset.source,
        checksum=dataset.checksum,
        command=command,
    )


def _predict(
    predict_proba: Callable[[NDArray[np.uint8]], NDArray[Any]],
    dataset: Dataset,
    part: NDArray[np.int64],
    batch_size: int,
    progress: Callable[[int, int], None] | None,
) -> NDArray[np.float32]:
    y_prob = np.empty((len(part), len(dataset.class_names)), dtype=np.float32)
    for start in range(0, len(part), batch_size):
        images = dataset.images[part[start : start + batch_size]]
        batch = np.asarray(predict_proba(images))
        if batch.shape != (len(images), y_prob.shape[1]):
            raise MoueError(
                f"the model answered {batch.shape} to {len(images)} faces",
                f"({len(images)}, {y_prob.shape[1]}): one probability for each of {', '.join(dataset.class_names)}",
                "Was the model trained on other classes?",
            )
        y_prob[start : start + len(images)] = check_probabilities(batch)
        if progress is not None:
            progress(start + len(images), len(part))
    return y_prob


def _without_twins(dataset: Dataset, split: str, part: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Mask bool (n,) of the faces that are not in the training split too; None where that has no meaning."""
    train = dataset.where("train")
    if split == "train" or not len(train):
        return None
    seen = set(dataset.pixel_digests[train].tolist())
    mask = np.array([digest not in seen for digest in dataset.pixel_digests[part].tolist()], dtype=np.bool_)
    return mask if mask.any() else None


def _ferplus(
    dataset: Dataset, part: NDArray[np.int64], y_true: NDArray[np.int64], y_prob: NDArray[np.float32]
) -> FerplusScores | None:
    if dataset.votes is None:
        return None
    labels = [dataset.class_names[label] for label in y_true]
    return score_majority(y_prob, dataset.votes[part], labels, dataset.class_names)


def _baseline(dataset: Dataset, y_true: NDArray[np.int64]) -> Baseline | None:
    train = dataset.labels[dataset.where("train")]
    if not len(train):
        return None
    label = int(np.bincount(train).argmax())
    return Baseline(class_name=dataset.class_names[label], accuracy=float((y_true == label).mean()))
