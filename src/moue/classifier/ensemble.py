"""`Ensemble`: several models whose predictions are averaged."""

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
    """Models whose probabilities are averaged; each one preprocesses the images in its own way.

    Attributes:
        members: The models.
    """

    def __init__(self, members: Iterable[Classifier]) -> None:
        """Check that the models predict the same classes.

        Raises:
            MoueError: there are no models, or two models have a head of the same name with different classes.
        """
        self.members: tuple[Classifier, ...] = tuple(members)
        if not self.members:
            raise MoueError("an ensemble without models", "one or more")
        seen: dict[str, tuple[Classifier, tuple[str, ...]]] = {}
        for member in self.members:
            classes = {EXPRESSION: member.class_names, **{head.name: head.class_names for head in member.spec.heads}}
            for head, names in classes.items():
                other, expected = seen.setdefault(head, (member, names))
                if names != expected:
                    raise MoueError(
                        f"head {head!r} of {member.path} predicts {', '.join(names)}",
                        f"{', '.join(expected)} as {other.path} does",
                        "Leave out one of the two.",
                    )

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(str(member.path) for member in self.members)})"

    @classmethod
    def load(cls, names_or_paths: Sequence[str | Path], *, threads: int | None = None, device: str = CPU) -> Ensemble:
        """Load models as `Classifier.load` does and check them against each other.

        Args:
            names_or_paths: Names of shipped models, run folders or ONNX files.
            threads: CPU threads per prediction, as for `Classifier.load`; the models run one after another.
            device: As for `Classifier.load`.

        Raises:
            MoueError: as `Classifier.load`, or the models do not fit together.
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
        """`class_names`, under scikit-learn's name."""
        return self.class_names

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that `predict_proba` accepts: those that every model has, "expression" first."""
        first, *others = self.members
        return tuple(head for head in first.heads if all(head in other.heads for other in others))

    @property
    def input(self) -> InputSpec:
        """The input of the model with the most pixels; the other models resize the images further.

        Raises:
            MoueError: the models need different crops of a face.
        """
        largest = max((member.input for member in self.members), key=lambda spec: spec.height * spec.width)
        for member in self.members:
            framing = (member.input.crop_margin, member.input.crop_shift)
            if framing != (largest.crop_margin, largest.crop_shift):
                raise MoueError(
                    f"{member.path} needs faces cropped with crop_margin and crop_shift {framing}",
                    f"{(largest.crop_margin, largest.crop_shift)} as the largest model does",
                    "Leave out one of the two.",
                )
        return largest

    @property
    def not_face_above(self) -> float:
        """A detected face is dropped if `not_face` is above this: the lowest threshold of the models, 0-1."""
        return min(member.not_face_above for member in self.members)

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change whenever the predictions may change."""
        return hashlib.sha256("".join(member.fingerprint for member in self.members).encode()).hexdigest()

    def predict(self, images: Images, *, batch_size: int = 64) -> NDArray[np.str_]:
        """Return the name of the most probable class of each face, text (N,); as `Classifier.predict`."""
        best = self.predict_proba(images, batch_size=batch_size).argmax(axis=1)
        names: NDArray[np.str_] = np.array(self.class_names)[best]
        return names

    def predict_proba(
        self, images: Images, *, head: str = EXPRESSION, calibrated: bool = True, batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Return the mean of the models' probabilities.

        Args:
            images: As for `Classifier.predict_proba`.
            head: A name of `heads`.
            calibrated: Apply each model's own temperature before averaging, so that an overconfident model does not
                outweigh the others; False averages the uncalibrated outputs, for raw heads only.
            batch_size: Faces per run of a model.

        Returns:
            float32 (N, K), rows sum to 1; (0, K) for zero faces.

        Raises:
            MoueError: a model has no such head, or as `Classifier.predict_proba`.
        """
        if head not in self.heads:
            raise MoueError(
                f"not every model has a head {head!r}", f"one of {', '.join(self.heads)}", "Leave out those without."
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
        """Return the probabilities of all `heads` by name, in one pass; "expression" is always calibrated."""
        outputs = [
            member.predict_heads(images, calibrated=calibrated, batch_size=batch_size) for member in self.members
        ]
        return {head: _mean([y_prob[head] for y_prob in outputs]) for head in self.heads}

    def predict_faces(self, images: Images, *, batch_size: int = 64) -> FacePredictions:
        """Return the mean of expression, and the mean of not_face over the models that predict it."""
        predictions = [member.predict_faces(images, batch_size=batch_size) for member in self.members]
        not_face = [
            prediction.not_face
            for member, prediction in zip(self.members, predictions, strict=True)
            if member.spec.not_face_head is not None
        ]
        return FacePredictions(
            _mean([prediction.expression for prediction in predictions]),
            _mean(not_face or [predictions[0].not_face]),
        )


def _mean(outputs: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    if len(outputs) == 1:
        return outputs[0]
    total: NDArray[np.float64] = np.sum(outputs, axis=0, dtype=np.float64)
    return (total / len(outputs)).astype(np.float32)
