"""`Ensemble`: several networks that answer as one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.protocol import FacePredictions
from moue.classifier.runtime import CPU
from moue.errors import MoueError
from moue.heads import EXPRESSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.classifier.input_spec import InputSpec
    from moue.classifier.preprocess import Images


class Ensemble:
    """Networks whose probabilities are averaged; each sees the images in its own way.

    Attributes:
        members: The networks.
    """

    def __init__(self, members: Iterable[Classifier]) -> None:
        """Check that the networks answer the same question.

        Raises:
            MoueError: there is none, or a head of two networks has different classes.
        """
        self.members: tuple[Classifier, ...] = tuple(members)
        if not self.members:
            raise MoueError("an ensemble of no networks", "one or more")
        seen: dict[str, tuple[Classifier, tuple[str, ...]]] = {}
        for member in self.members:
            classes = {EXPRESSION: member.class_names, **{head.name: head.class_names for head in member.spec.heads}}
            for head, names in classes.items():
                other, expected = seen.setdefault(head, (member, names))
                if names != expected:
                    raise MoueError(
                        f"head {head!r} of {member.path} answers {', '.join(names)}",
                        f"{', '.join(expected)} as {other.path} does",
                        "Leave out one of the two.",
                    )

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(str(member.path) for member in self.members)})"

    @classmethod
    def load(cls, names_or_paths: Sequence[str | Path], *, threads: int | None = None, device: str = CPU) -> Ensemble:
        """Load networks as `Classifier.load` does and check them against each other.

        Args:
            names_or_paths: Names of shipped networks, run folders or ONNX files.
            threads: CPU threads of one prediction, as for `Classifier.load`; the networks take turns.
            device: As for `Classifier.load`.

        Raises:
            MoueError: as `Classifier.load`, or the networks do not fit together.
        """
        if isinstance(names_or_paths, str) or not isinstance(names_or_paths, Iterable):
            raise MoueError(f"the models are {names_or_paths!r}", "a list of them", "For one model: Classifier.load.")
        return cls(Classifier.load(name, threads=threads, device=device) for name in names_or_paths)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of `expression`, in the order of `predict_proba`'s columns."""
        return self.members[0].class_names

    @property
    def classes_(self) -> tuple[str, ...]:
        """`class_names`, by the name that scikit-learn gives them."""
        return self.class_names

    @property
    def heads(self) -> tuple[str, ...]:
        """What `predict_proba` answers: the heads that every network has, "expression" first."""
        first, *others = self.members
        return tuple(head for head in first.heads if all(head in other.heads for other in others))

    @property
    def input(self) -> InputSpec:
        """The input of the network that sees the most pixels; the others shrink what it is given.

        Raises:
            MoueError: the networks want faces cut out in different ways.
        """
        largest = max((member.input for member in self.members), key=lambda one: one.height * one.width)
        for member in self.members:
            framing = (member.input.crop_margin, member.input.crop_shift)
            if framing != (largest.crop_margin, largest.crop_shift):
                raise MoueError(
                    f"{member.path} wants faces cut out with crop_margin and crop_shift {framing}",
                    f"{(largest.crop_margin, largest.crop_shift)} as the largest network does",
                    "Leave out one of the two.",
                )
        return largest

    @property
    def not_face_above(self) -> float:
        """A detected face is dropped where `not_face` is above this: the lowest limit of the networks, 0-1."""
        return min(member.not_face_above for member in self.members)

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change whenever the answers may change."""
        return hashlib.sha256("".join(member.fingerprint for member in self.members).encode()).hexdigest()

    def predict(self, images: Images, *, batch_size: int = 64) -> NDArray[np.str_]:
        """Return the name of the most probable class of each face, text (N,); as `Classifier.predict`."""
        best = self.predict_proba(images, batch_size=batch_size).argmax(axis=1)
        names: NDArray[np.str_] = np.array(self.class_names)[best]
        return names

    def predict_proba(
        self, images: Images, *, head: str = EXPRESSION, calibrated: bool = True, batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Return the mean of the networks' probabilities.

        Args:
            images: As for `Classifier.predict_proba`.
            head: A name of `heads`.
            calibrated: Average what each says after its own temperature, so that an overconfident network does not
                outshout the others; False averages what the networks themselves say, for raw heads only.
            batch_size: Faces per run of a network.

        Returns:
            float32 (N, K), rows sum to 1; (0, K) for zero faces.

        Raises:
            MoueError: a network has no such head, or as `Classifier.predict_proba`.
        """
        if head not in self.heads:
            raise MoueError(
                f"not every network has a head {head!r}", f"one of {', '.join(self.heads)}", "Leave out those without."
            )
        return _mean(
            [
                member.predict_proba(images, head=head, calibrated=calibrated, batch_size=batch_size)
                for member in self.members
            ]
        )

    def predict_heads(
        self, images: Images, *, calibrated: bool = True, batch_size: int = 64
    ) -> dict[str, NDArray[np.float32]]:
        """Return what `predict_proba` does for all `heads`, by name, in one pass; "expression" is always calibrated."""
        answers = [
            member.predict_heads(images, calibrated=calibrated, batch_size=batch_size) for member in self.members
        ]
        return {head: _mean([answer[head] for answer in answers]) for head in self.heads}

    def predict_faces(self, images: Images, *, batch_size: int = 64) -> FacePredictions:
        """Return the mean of expression, and of not_face over the networks that can tell."""
        answers = [member.predict_faces(images, batch_size=batch_size) for member in self.members]
        telling = [
            answer.not_face
            for member, answer in zip(self.members, answers, strict=True)
            if member.spec.not_face_head is not None
        ]
        return FacePredictions(
            _mean([answer.expression for answer in answers]), _mean(telling or [answers[0].not_face])
        )


def _mean(answers: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if len(answers) == 1:
        return answers[0]
    total: NDArray[np.float64] = np.sum(answers, axis=0, dtype=np.float64)
    return (total / len(answers)).astype(np.float32)
