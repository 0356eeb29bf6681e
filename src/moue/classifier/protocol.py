"""What recognition needs from a model: a `Classifier`, an `Ensemble`, or anything else with the same methods."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moue.classifier.input_spec import InputSpec
    from moue.classifier.preprocess import Images


@dataclasses.dataclass(frozen=True, eq=False)
class FacePredictions:
    """The predictions for N faces.

    Attributes:
        expression: float32 (N, K), the calibrated probability of each class; rows sum to 1.
        not_face: float32 (N,), the probability that an image shows no face, 0-1; 0 if the model does not
            predict it.
    """

    expression: NDArray[np.float32]
    not_face: NDArray[np.float32]


class FaceClassifier(Protocol):
    """A model, or several whose predictions are averaged."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """The K classes of `expression`, in column order."""

    @property
    def heads(self) -> tuple[str, ...]:
        """The heads that `predict_proba` accepts: "expression" and the raw heads."""

    @property
    def input(self) -> InputSpec:
        """How a face is cropped and how large it should be; other sizes are resized."""

    @property
    def not_face_above(self) -> float:
        """A detected face is dropped if `not_face` is above this, 0-1."""

    @property
    def fingerprint(self) -> str:
        """64 hexadecimal digits that change whenever the predictions may change."""

    def predict_faces(self, images: Images, *, batch_size: int = 64) -> FacePredictions:
        """Return expression and not_face of each face in one pass."""

    def predict_proba(
        self, images: Images, *, head: str = "expression", calibrated: bool = True, batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Return the probability of each class of a head, float32 (N, K)."""

    def predict_heads(
        self, images: Images, *, calibrated: bool = True, batch_size: int = 64
    ) -> dict[str, NDArray[np.float32]]:
        """Return the probabilities of every head by name, in one pass."""

    def predict(self, images: Images, *, batch_size: int = 64) -> NDArray[np.str_]:
        """Return the name of the most probable class of each face, text (N,)."""
