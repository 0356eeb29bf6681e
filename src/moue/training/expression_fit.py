"""The layer that makes `expression` from the heads: multinomial logistic regression on what the heads say.

It is fitted on the validation split, against all votes of a face and not only their majority. Faces of another kind,
for example posed ones, may be fitted with them: FER2013's people seldom show fear or anger with closed lips.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from moue.classifier.answer_spec import ExpressionSpec
from moue.labels import FERPLUS_NAMES
from moue.probabilities import fit_temperature, softmax
from moue.training.expression import log_probabilities
from moue.votes import majority_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from moue.classifier.answer_spec import HeadSpec
    from moue.data.dataset import Dataset

# Measured by benchmarks/expression.py (docs/photos.md).
OTHERS_SHARE: Final = 0.4
"""What all other faces together weigh, in parts of what the validation faces weigh."""

LEAST_VOTES: Final = 5
"""Votes for the classes of `expression` from which a face counts."""

NOT_FACE_ABOVE: Final = 0.5
_SMOOTHED: Final = 0.1  # of the label of another face: one person's word
# Over the number of faces: keeps the layer near the head it starts from, the more the fewer faces there are.
_HOLD: Final = 0.3843
_STEPS: Final = 60
_SHORTEST: Final = 1e-6
_SETTLED: Final = 1e-12


@dataclasses.dataclass(frozen=True)
class FitData:
    """Faces, and what a network says of them.

    Attributes:
        y_prob: The network's own probabilities of each head by its name, (N, K_head) each.
        targets: float64 (N, K) over the classes of `expression`; rows sum to 1.
        labels: int64 (N,), the class that should come out; -1 where people do not agree.
    """

    y_prob: Mapping[str, NDArray[np.floating]]
    targets: NDArray[np.float64]
    labels: NDArray[np.int64]

    @classmethod
    def of_votes(cls, faces: Dataset, y_prob: Mapping[str, NDArray[np.floating]]) -> FitData:
        """Take the distribution of the FER+ votes over the data set's classes as the target."""
        if faces.votes is None:
            raise TypeError("the faces have no votes")
        columns = [FERPLUS_NAMES.index(name) for name in faces.class_names]
        counts = faces.votes[:, columns].astype(np.float64)
        kept = np.flatnonzero(counts.sum(axis=1) >= LEAST_VOTES)
        chosen = counts[kept] / counts[kept].sum(axis=1, keepdims=True)
        labels = majority_labels(faces.votes, faces.class_names)[kept]
        return cls({name: rows[kept] for name, rows in y_prob.items()}, chosen, labels)

    @classmethod
    def of_labels(
        cls, faces: Dataset, class_names: Sequence[str], y_prob: Mapping[str, NDArray[np.floating]]
    ) -> FitData:
        """Take the label as the target, softened a little; faces of other classes are left out."""
        position = np.array([class_names.index(name) if name in class_names else -1 for name in faces.class_names])
        labels = position[faces.labels]
        kept = np.flatnonzero(labels >= 0)
        targets = np.eye(len(class_names))[labels[kept]] * (1 - _SMOOTHED) + _SMOOTHED / len(class_names)
        return cls({name: rows[kept] for name, rows in y_prob.items()}, targets, labels[kept].astype(np.int64))


def fit_expression(
    heads: Sequence[HeadSpec], class_names: tuple[str, ...], faces: FitData, others: FitData | None = None
) -> ExpressionSpec:
    """Fit the layer so that every class counts alike, then its temperature to what the majority says.

    Args:
        heads: Heads whose answers it is made from. It starts as the last one's answer.
        class_names: The classes of `expression`; the last head knows them all.
        faces: Validation faces.
        others: Labelled faces of another kind.
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
    said = softmax(features @ layer[:, :-1].T + layer[:, -1])
    if (labels >= 0).any():
        layer /= fit_temperature(labels[labels >= 0], said[labels >= 0])
    edges = np.cumsum([0, *(len(head.class_names) for head in heads)])
    for first, last in itertools.pairwise(edges):
        # Logarithms less their mean, as the layer saw them, are logarithms times these weights.
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
    """Return in words what a layer was fitted to, for a card."""
    told = f"the FER+ votes on {len(faces.labels):,} validation faces"
    return told if others is None else f"{told} and the labels of {len(others.labels):,} other faces"


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
        start: float64 (K, D), from which W departs at a small cost.

    Returns:
        float64 (K, D + 1), W with b as its last column.
    """
    x = np.column_stack([features, np.ones(len(features))])
    num_classes, width = len(start), x.shape[1]
    begin = np.column_stack([start, np.zeros(num_classes)])
    # The same number added to every bias changes nothing, so a little hold on them makes the solution unique.
    hold = np.tile(np.append(np.full(width - 1, _HOLD / len(x)), 1e-9), num_classes)
    weights = weights / weights.sum()

    def loss(layer: NDArray[np.float64]) -> float:
        logits = x @ layer.T
        cross = np.logaddexp.reduce(logits, axis=1) - (targets * logits).sum(axis=1)
        return float(weights @ cross + 0.5 * (hold * (layer - begin).ravel() ** 2).sum())

    layer, now = begin, loss(begin)
    for _ in range(_STEPS):
        said = softmax(x @ layer.T)
        slope = ((said - targets) * weights[:, None]).T @ x + (hold * (layer - begin).ravel()).reshape(layer.shape)
        curve = np.zeros((num_classes, width, num_classes, width))
        for i in range(num_classes):
            for k in range(num_classes):
                pair = weights * said[:, i] * (float(i == k) - said[:, k])
                curve[i, :, k, :] = (x * pair[:, None]).T @ x
        curve = curve.reshape(num_classes * width, -1) + np.diag(hold)
        step = np.linalg.solve(curve, slope.ravel()).reshape(layer.shape)
        size, there = 1.0, loss(layer - step)
        while there > now and size > _SHORTEST:
            size /= 2
            there = loss(layer - size * step)
        if now - there < _SETTLED:
            break
        layer, now = layer - size * step, there
    return layer


def _features(part: FitData, heads: Sequence[HeadSpec]) -> NDArray[np.float64]:
    """Return each head's log p less their mean: the head's logits but for a constant.

    So `expression` is linear in the logits, and what each part of a face adds to it can be told exactly.
    """
    logs = [log_probabilities(part.y_prob[head.name]) for head in heads]
    return np.concatenate([one - one.mean(axis=1, keepdims=True) for one in logs], axis=1)


def _selection(heads: Sequence[HeadSpec], class_names: Sequence[str]) -> NDArray[np.float64]:
    """Return the layer, (K, D), with which the last head answers alone."""
    *others, last = heads
    known = np.array([[float(one == name) for one in last.class_names] for name in class_names])
    return np.column_stack([*(np.zeros((len(class_names), len(head.class_names))) for head in others), known])
