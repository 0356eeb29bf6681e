"""The heads of a network: what each one predicts, and how it is trained, calibrated and scored.

A head is one entry at the end of this file. A recipe switches it on with its weight in the loss:
``head_weights = { NAME = 0.5 }``.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from moue.errors import MoueError, SettingError
from moue.labels import FERPLUS_NAMES
from moue.probabilities import normalised
from moue.votes import EIGHT_CLASS_RULE, EIGHT_CLASSES, MAJORITY_RULE, each_vote, majority_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

EXPRESSION: Final = "expression"
"""Name of the output that every exported model computes from its heads."""

NOT_FACE: Final = "not_face"
"""Name of the class, and of the output of an exported model, for an image that shows no face."""


class Labelled(Protocol):
    """Faces and what is known about them, such as a `moue.data.dataset.Dataset`."""

    @property
    def labels(self) -> NDArray[np.uint8]:
        """Class numbers (N,), indices into `class_names`."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the data set's own classes, in label order."""

    @property
    def votes(self) -> NDArray[np.uint8] | None:
        """FER+ votes (N, 10) in the order of `FERPLUS_NAMES`, or None."""

    @property
    def source(self) -> str:
        """Where the faces came from, for messages."""


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """What a head's predictions are scored against.

    Attributes:
        y_true: int64 (N,), indices into `class_names`; -1 leaves a face out.
        y_prob: float (N, K), the probabilities over `class_names`, rows sum to 1.
        class_names: The K classes.
        rule: How `y_true` was determined, in words.
    """

    y_true: NDArray[np.int64]
    y_prob: NDArray[np.floating]
    class_names: tuple[str, ...]
    rule: str


@dataclasses.dataclass(frozen=True)
class Head:
    """One head of a network.

    Attributes:
        name: Its name in recipes, in ``model.json``, and as an output of the exported file.
        class_names: Names of its classes, in order; empty means the data set's own classes.
        targets: Maps faces to the training targets, float32 (N, K). A row of zeros adds nothing to the loss.
        calibration: Maps faces to the data that the head's temperature is fitted on: positions of faces and their
            classes, int64 (M,) each; a face may occur more than once.
        reference: Maps faces and the head's probabilities (N, K) to what they are scored against.
        needs_votes: Whether it is trained on FER+ votes.
        weight_field: The field of `TrainConfig` with its weight in the loss; empty if the weight is in `head_weights`.
    """

    name: str
    class_names: tuple[str, ...]
    targets: Callable[[Labelled], NDArray[np.float32]]
    calibration: Callable[[Labelled], tuple[NDArray[np.int64], NDArray[np.int64]]]
    reference: Callable[[Labelled, NDArray[np.floating]], Reference]
    needs_votes: bool = False
    weight_field: str = ""

    def names_for(self, class_names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the head's classes for a data set with these classes."""
        return self.class_names or class_names


_HEADS: Final[dict[str, Head]] = {}


def register(head: Head) -> Head:
    """Add a head to the registry and return it.

    Raises:
        MoueError: the name is taken.
    """
    if head.name in _HEADS or head.name in (EXPRESSION, NOT_FACE):
        raise MoueError(f"a head {head.name!r} is registered already", "a name that is free")
    _HEADS[head.name] = head
    return head


def list_heads() -> tuple[Head, ...]:
    """Return all heads; every network has the first one."""
    return tuple(_HEADS.values())


def find_head(name: str) -> Head:
    """Return a head by its name.

    Raises:
        MoueError: there is no such head.
    """
    if name not in _HEADS:
        raise MoueError(f"unknown head {name!r}", f"one of {', '.join(_HEADS)}")
    return _HEADS[name]


def heads_in(config: object) -> dict[Head, float]:
    """Return the heads that a `TrainConfig` switches on, with their weights in the loss.

    The first head is always included, with the weight 1.

    Raises:
        SettingError: `head_weights` names an unknown head or one with a field of its own, or a weight is not a number
            of 0 or more.
    """
    first, *others = list_heads()
    given: dict[str, Any] = getattr(config, "head_weights", {})
    free = [head.name for head in others if not head.weight_field]
    for name, weight in given.items():
        if name not in free:
            raise SettingError(
                f"head_weights names {name!r}", f"one of {', '.join(free) or 'no names: no head needs it'}"
            )
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise SettingError(f"head_weights of {name!r} is {weight!r}", "a number of 0 or more")
    weights = {
        head: float(getattr(config, head.weight_field) if head.weight_field else given.get(head.name, 0))
        for head in others
    }
    return {first: 1.0, **{head: weight for head, weight in weights.items() if weight > 0}}


def reference_for_expression(faces: Labelled, y_prob: NDArray[np.floating]) -> Reference:
    """Return what the output `expression` is scored against: the FER+ majority where there are votes, else the labels.

    Args:
        faces: The faces.
        y_prob: The probabilities, float (N, K), over the data set's classes.
    """
    if faces.votes is None or not set(faces.class_names) <= set(FERPLUS_NAMES):
        return _reference_for_emotion(faces, y_prob)
    return Reference(majority_labels(faces.votes, faces.class_names), y_prob, faces.class_names, MAJORITY_RULE)


def _votes_of(faces: Labelled) -> NDArray[np.uint8]:
    if faces.votes is None:
        raise MoueError(
            f"{faces.source or 'the data'} has no FER+ votes",
            "votes for the head 'perceived'",
            "Add --ferplus fer2013new.csv.",
        )
    return faces.votes


def _targets_of_emotion(faces: Labelled) -> NDArray[np.float32]:
    return np.eye(len(faces.class_names), dtype=np.float32)[faces.labels]


def _calibration_of_emotion(faces: Labelled) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.arange(len(faces.labels)), faces.labels.astype(np.int64)


def _reference_for_emotion(faces: Labelled, y_prob: NDArray[np.floating]) -> Reference:
    return Reference(faces.labels.astype(np.int64), y_prob, faces.class_names, "the data set's own labels")


def _targets_of_perceived(faces: Labelled) -> NDArray[np.float32]:
    """Return the distribution of the votes; a face without votes has a row of zeros, whose cross-entropy is 0."""
    votes = _votes_of(faces).astype(np.float32)
    targets: NDArray[np.float32] = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return targets


def _calibration_of_perceived(faces: Labelled) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return every single vote: this calibrates the probabilities to the vote of one more person."""
    return each_vote(_votes_of(faces))


def _reference_for_perceived(faces: Labelled, y_prob: NDArray[np.floating]) -> Reference:
    """Return FER+'s usual test: the mass of unknown and not_face is spread over the eight classes in proportion."""
    eight = normalised(y_prob[:, : len(EIGHT_CLASSES)].astype(np.float64))
    return Reference(majority_labels(_votes_of(faces), EIGHT_CLASSES), eight, EIGHT_CLASSES, EIGHT_CLASS_RULE)


EMOTION: Final = register(
    Head(
        name="emotion",
        class_names=(),
        targets=_targets_of_emotion,
        calibration=_calibration_of_emotion,
        reference=_reference_for_emotion,
    )
)
"""The data set's own labels. Every network has this head."""

PERCEIVED: Final = register(
    Head(
        name="perceived",
        class_names=FERPLUS_NAMES,
        targets=_targets_of_perceived,
        calibration=_calibration_of_perceived,
        reference=_reference_for_perceived,
        needs_votes=True,
        weight_field="ferplus_weight",
    )
)
"""What ten people saw: the distribution of the FER+ votes."""
