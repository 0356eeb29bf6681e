"""The training targets of each head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from moue.data.dataset import refuse_no_dataset
from moue.errors import MoueError
from moue.heads import heads_in, list_heads
from moue.labels import CLASS_NAMES
from moue.probabilities import apply_temperature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset
    from moue.training.config import TrainConfig

    Targets = dict[str, NDArray[np.float32]]
    """Targets by head, float32 (N, K)."""
    KerasTargets = NDArray[np.float32] | Targets

_FEWEST: Final = 5  # of a class, in all splits together
_NEWTON_STEPS: Final = 12  # converged to 1e-12 after 8 on FER2013


def make_targets(dataset: Dataset, config: TrainConfig) -> Targets:
    """Return the plain targets of the configured heads by name, as validation uses them.

    Returns:
        float32 (N, K) for each head, in the order of `moue.heads.list_heads`.

    Raises:
        MoueError: a head needs FER+ votes and there are none.
    """
    return {head.name: head.targets(dataset) for head in heads_in(config)}


def needs_votes(config: TrainConfig) -> bool:
    """Return whether the targets depend on FER+ votes."""
    return config.vote_smoothing > 0 or any(head.needs_votes for head in heads_in(config))


def refuse_unfit_data(dataset: Dataset, config: TrainConfig) -> None:
    """Check that the data can train a model with this configuration.

    Raises:
        MoueError: an empty training or validation split, a single class in training, or missing FER+ votes.
    """
    refuse_no_dataset(dataset)
    for split in ("train", "val"):
        if not len(dataset.where(split)):
            raise MoueError(
                f"{dataset.source} has no faces in its {split} split",
                "faces in train, to fit, and in val, to choose the epoch",
            )
    labels = np.unique(dataset.labels[dataset.where("train")])
    if len(labels) == 1:
        raise MoueError(
            f"all training faces of {dataset.source} are {dataset.class_names[labels[0]]!r}",
            "faces of two classes or more",
            "Check the labels of the data.",
        )
    _refuse_small_classes(dataset)
    refuse_missing_votes(dataset, config)


def _refuse_small_classes(dataset: Dataset) -> None:
    """Check that a user's own classes have some faces each; a sample of FER2013 may lack a class."""
    counts = np.bincount(dataset.labels, minlength=len(dataset.class_names))
    small = [f"{count} of {name!r}" for name, count in zip(dataset.class_names, counts, strict=True) if count < _FEWEST]
    if small and dataset.class_names != CLASS_NAMES:
        raise MoueError(
            f"{dataset.source} has {', '.join(small)}",
            f"at least {_FEWEST} faces of each class",
            "Add faces, or leave the class out.",
        )


def refuse_missing_votes(dataset: Dataset, config: TrainConfig, splits: tuple[str, ...] = ("train", "val")) -> None:
    """Check that the splits have votes for fitting and calibration if the configuration needs them.

    Raises:
        MoueError: the targets depend on FER+ votes and one of the splits has none.
    """
    if needs_votes(config):
        votes = _votes_of(dataset, config)
        for split in splits:
            if not votes[dataset.where(split)].any():
                raise MoueError(
                    f"{dataset.source} has no FER+ votes in its {split} split",
                    f"some in {' and '.join(splits)}",
                    "Give --ferplus fer2013new.csv.",
                )


def _votes_of(dataset: Dataset, config: TrainConfig) -> NDArray[np.uint8]:
    if dataset.votes is None:
        raise missing_votes(dataset.source or "the data", config)
    return dataset.votes


def missing_votes(data: str, config: TrainConfig) -> MoueError:
    """Return the error for a configuration that needs votes that the data does not have."""
    return MoueError(
        f"{data} has no FER+ votes",
        f"votes, because ferplus_weight = {config.ferplus_weight:g} and vote_smoothing = {config.vote_smoothing:g}",
        "Add --ferplus fer2013new.csv, or --set ferplus_weight=0 --set vote_smoothing=0.",
    )


def make_training_targets(
    dataset: Dataset, config: TrainConfig, teacher: Mapping[str, NDArray[np.float32]] | None = None
) -> Targets:
    """Return the targets of the training split: smoothed, blended and weighted as configured.

    This happens here and not in the loss, so the validation loss is always the plain cross-entropy. Smoothing and
    class weights apply to the first head, which learns from the labels. Class weights are "balanced": n / (classes *
    faces of the class). They multiply a row, which multiplies its loss.

    Args:
        dataset: The training split.
        config: The configuration.
        teacher: A teacher's probabilities by head, float32 (N, K), for `blend`; other heads keep their targets.

    Raises:
        MoueError: `distill_weight` is above 0 and there is no teacher; or as `make_targets`.
    """
    targets = make_targets(dataset, config)
    first = list_heads()[0].name
    plain = targets[first]
    counts = plain.sum(axis=0)
    if config.label_smoothing:
        smoothing = np.float32(config.label_smoothing)
        targets[first] = plain * (1 - smoothing) + smoothing / np.float32(plain.shape[1])
    if config.vote_smoothing:
        expected = label_given_votes(_votes_of(dataset, config), dataset.labels, plain.shape[1])
        targets[first] = (1 - config.vote_smoothing) * targets[first] + config.vote_smoothing * expected
    if config.distill_weight:
        if teacher is None:
            raise MoueError("no teacher", f"one, since distill_weight = {config.distill_weight:g}")
        targets |= {head: blend(targets[head], y_prob, config) for head, y_prob in teacher.items() if head in targets}
    if config.class_weights:
        weights = len(plain) / (len(counts) * np.maximum(counts, 1))
        targets[first] = targets[first] * weights[dataset.labels][:, None]
    return {**targets, first: targets[first].astype(np.float32)}


def label_given_votes(votes: NDArray[np.uint8], labels: NDArray[np.integer], num_classes: int) -> NDArray[np.float32]:
    """Return P(label | votes) of each face by multinomial logistic regression, fitted on these same faces.

    The label is a search keyword; the votes are what ten people saw. The regression estimates how often faces with
    such votes carry each label. That is softer than the label and says more than uniform smoothing. It has 11 numbers
    per class for tens of thousands of faces, so it cannot memorise single faces.

    Args:
        votes: (N, 10) votes of FER+.
        labels: (N,) class numbers.
        num_classes: Number of classes K.

    Returns:
        float32 (N, K), rows sum to 1.
    """
    counts = votes.sum(axis=1, keepdims=True)
    features = np.hstack([votes / np.maximum(counts, 1), counts == 0]).astype(np.float64)
    one_hot = np.eye(num_classes)[labels]
    weights = np.zeros((num_classes, features.shape[1]))
    ridge = 1.0  # keeps the Newton steps finite if a class has no vote at all
    for _ in range(_NEWTON_STEPS):
        probabilities = _softmax(features @ weights.T)
        gradient = (probabilities - one_hot).T @ features + ridge * weights
        curvature = np.einsum("ni,ij->nij", probabilities, np.eye(num_classes))
        curvature -= probabilities[:, :, None] * probabilities[:, None, :]
        hessian = np.einsum("nij,nd,ne->idje", curvature, features, features, optimize=True)
        hessian = hessian.reshape(weights.size, weights.size) + ridge * np.eye(weights.size)
        weights -= np.linalg.solve(hessian, gradient.ravel()).reshape(weights.shape)
    return _softmax(features @ weights.T).astype(np.float32)


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def blend(targets: NDArray[np.float32], teacher: NDArray[np.float32], config: TrainConfig) -> NDArray[np.float32]:
    """Return targets (N, K) of which `distill_weight` comes from a teacher, softened by `distill_temperature`.

    Let w be the weight, T the temperature and p the teacher's probabilities. A row is (1 - w) * label + w * p^(1/T),
    normalised, and the loss is the plain cross-entropy with it: (1 - w) * CE(label) + w * CE(softened teacher).
    Hinton et al. 2015 (arXiv:1503.02531) soften the student in the second term too, and multiply that term by T^2 to
    undo what T does to its gradients. With T = 1 both are the same. Here only the teacher is softened, for three
    reasons: the models output probabilities on every backend; mixup, cutmix, class weights and further heads need
    one row of targets per face; and the validation loss and the exported probabilities keep their usual meaning. The
    price: a T above 1 makes the student less confident than its teacher, as label smoothing does, until its own
    temperature is fitted after the training.
    """
    weight = np.float32(config.distill_weight)
    softened = apply_temperature(teacher, config.distill_temperature).astype(np.float32)
    return (1 - weight) * targets + weight * softened


def for_keras(targets: Targets) -> KerasTargets:
    """Return the targets in the form that Keras expects: an array for one head, a dictionary by name for several."""
    return targets if len(targets) > 1 else next(iter(targets.values()))
