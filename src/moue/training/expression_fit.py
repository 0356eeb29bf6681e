"""The layer that computes `expression` from the heads: multinomial logistic regression on the heads' outputs.

It is fitted on the validation split, to all votes for a face and not only their majority. Other faces, for example
posed ones, can be added to the fit: people in FER2013 seldom show fear or anger with closed lips.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.classifier.output_spec import ExpressionSpec
from moue.labels import FERPLUS_NAMES
from moue.probabilities import fit_temperature, softmax
from moue.training.expression import log_probabilities
from moue.votes import majority_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from moue.classifier.output_spec import HeadSpec
    from moue.data.dataset import Dataset

# Measured by benchmarks/expression.py (docs/photos.md).
OTHERS_SHARE: Final = 0.4
"""Total weight of all other faces, relative to the total weight of the validation faces."""

MIN_VOTES: Final = 5
"""Votes for the classes of `expression` that a face needs to be used in the fit."""

NOT_FACE_ABOVE: Final = 0.5
_SMOOTHED: Final = 0.1  # label smoothing of other faces: each label is one person's opinion
# Divided by the number of faces: L2 penalty that keeps the layer near its start, more so with fewer faces.
_PENALTY: Final = 0.3843
_MAX_STEPS: Final = 60
_MIN_STEP_SIZE: Final = 1e-6
_TOLERANCE: Final = 1e-12


@dataclasses.dataclass(frozen=True)
class FitData:
    """Faces with a model's outputs for them.

    Attributes:
        y_prob: The uncalibrated probabilities of each head by its name, (N, K_head) each.
        targets: float64 (N, K) over the classes of `expression`; rows sum to 1.
        labels: int64 (N,), the true class; -1 if the votes have no majority.
    """

    y_prob: Mapping[str, NDArray[np.floating]]
    targets: NDArray[np.float64]
    labels: NDArray[np.int64]

    @classmethod
    def of_votes(cls, faces: Dataset, y_prob: Mapping[str, NDArray[np.floating]]) -> FitData:
        """Use the distribution of the FER+ votes over the data set's classes as the target."""
        if faces.votes is None:
            raise TypeError("the faces have no votes")
        columns = [FERPLUS_NAMES.index(name) for name in faces.class_names]
        counts = faces.votes[:, columns].astype(np.float64)
        kept = np.flatnonzero(counts.sum(axis=1) >= MIN_VOTES)
        targets = counts[kept] / counts[kept].sum(axis=1, keepdims=True)
        labels = majority_labels(faces.votes, faces.class_names)[kept]
        return cls({name: rows[kept] for name, rows in y_prob.items()}, targets, labels)

    @classmethod
    def of_labels(
        cls, faces: Dataset, class_names: Sequence[str], y_prob: Mapping[str, NDArray[np.floating]]
    ) -> FitData:
        """Use the label as the target, slightly smoothed; faces of other classes are left out."""
        columns = np.array([class_names.index(name) if name in class_names else -1 for name in faces.class_names])
        labels = columns[faces.labels]
        kept = np.flatnonzero(labels >= 0)
        targets = np.eye(len(class_names))[labels[kept]] * (1 - _SMOOTHED) + _SMOOTHED / len(class_names)
        return cls({name: rows[kept] for name, rows in y_prob.items()}, targets, labels[kept].astype(np.int64))


def fit_expression(
    heads: Sequence[HeadSpec], class_names: tuple[str, ...], faces: FitData, others: FitData | None = None
) -> ExpressionSpec:
    """Fit the layer with every class weighted equally, then its temperature to the majority labels.

    Args:
        heads: The heads that the layer combines. The fit starts from the last head alone.
        class_names: The classes of `expression`; the last head has all of them.
        faces: Validation faces.
        others: Other labelled faces, e.g. posed ones.
    """
    parts = [faces] if others is None or not len(others.labels) else [faces, others]
    features = np.concatenate([_features(part, heads) for part in parts])
    targets = np.concatenate([part.targets for part in parts])
    rarity = 1 / np.maximum(faces.targets.mean(axis=0), 1 / (len(faces.targets) + 1))
    weights = [part.targets @ rarity for part in parts]
    shares = (1.0, OTHERS_SHARE)
    weights = [share * rows / rows.sum() for share, rows in zip(shares, weights, strict=False)]
    start = _selection(heads, class_names)
    layer = fit_layer(features, targets, np.concatenate(weights), start)
    labels = np.concatenate([part.labels for part in parts])
    y_prob = softmax(features @ layer[:, :-1].T + layer[:, -1])
    if (labels >= 0).any():
        layer /= fit_temperature(labels[labels >= 0], y_prob[labels >= 0])
    edges = np.cumsum([0, *(len(head.class_names) for head in heads)])
    for first, last in itertools.pairwise(edges):
        # The layer was fitted on logarithms less their mean; centred weights apply to the plain logarithms.
        layer[:, first:last] -= layer[:, first:last].mean(axis=1, keepdims=True)
    rounded = layer.round(6)
    return ExpressionSpec(
        class_names,
        {
            head.name: tuple(map(tuple, rounded[:, first:last].tolist()))
            for head, first, last in zip(heads, edges, edges[1:], strict=False)
        },
        tuple(rounded[:, -1].tolist()),
        NOT_FACE_ABOVE,
    )


def describe_fit(faces: FitData, others: FitData | None) -> str:
    """Return a sentence part that says what a layer was fitted to, for the model card."""
    text = f"the FER+ votes on {len(faces.labels):,} validation faces"
    return text if others is None else f"{text} and the labels of {len(others.labels):,} other faces"


def fit_layer(
    features: NDArray[np.float64],
    targets: NDArray[np.float64],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Minimise the weighted cross-entropy of softmax(W x + b) by Newton's method.

    Args:
        features: float64 (N, D).
        targets: float64 (N, K), rows sum to 1.
        weights: float64 (N,), 0 or more.
        start: float64 (K, D), the initial W; an L2 penalty keeps W near it.

    Returns:
        float64 (K, D + 1), W with b as its last column.
    """
    x = np.column_stack([features, np.ones(len(features))])
    num_classes, width = len(start), x.shape[1]
    initial = np.column_stack([start, np.zeros(num_classes)])
    # Adding the same number to every bias changes nothing, so a tiny penalty on the biases makes the solution unique.
    penalty = np.tile(np.append(np.full(width - 1, _PENALTY / len(x)), 1e-9), num_classes)
    weights = weights / weights.sum()

    def loss(layer: NDArray[np.float64]) -> float:
        logits = x @ layer.T
        cross_entropy = np.logaddexp.reduce(logits, axis=1) - (targets * logits).sum(axis=1)
        return float(weights @ cross_entropy + 0.5 * (penalty * (layer - initial).ravel() ** 2).sum())

    layer, last_loss = initial, loss(initial)
    for _ in range(_MAX_STEPS):
        y_prob = softmax(x @ layer.T)
        gradient = ((y_prob - targets) * weights[:, None]).T @ x
        gradient = gradient + (penalty * (layer - initial).ravel()).reshape(layer.shape)
        hessian = np.zeros((num_classes, width, num_classes, width))
        for i in range(num_classes):
            for k in range(num_classes):
                pair = weights * y_prob[:, i] * (float(i == k) - y_prob[:, k])
                hessian[i, :, k, :] = (x * pair[:, None]).T @ x
        hessian = hessian.reshape(num_classes * width, -1) + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient.ravel()).reshape(layer.shape)
        size, new_loss = 1.0, loss(layer - step)
        while new_loss > last_loss and size > _MIN_STEP_SIZE:
            size /= 2
            new_loss = loss(layer - size * step)
        if last_loss - new_loss < _TOLERANCE:
            break
        layer, last_loss = layer - size * step, new_loss
    return layer


def _features(part: FitData, heads: Sequence[HeadSpec]) -> NDArray[np.float64]:
    """Return each head's log p less their mean, which are the head's logits up to a constant.

    So `expression` is linear in the logits, and the contribution of each part of a face can be computed exactly.
    """
    logs = [log_probabilities(part.y_prob[head.name]) for head in heads]
    return np.concatenate([rows - rows.mean(axis=1, keepdims=True) for rows in logs], axis=1)


def _selection(heads: Sequence[HeadSpec], class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the layer (K, D) that passes the last head through and ignores the others."""
    *others, last = heads
    identity = np.array([[float(own == name) for own in last.class_names] for name in class_names])
    return np.column_stack([*(np.zeros((len(class_names), len(head.class_names))) for head in others), identity])
