"""The prediction for a face: the mean over its views."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from moue.classifier.protocol import FaceClassifier

_MAX_BATCH = 64


@dataclasses.dataclass(frozen=True)
class FacePrediction:
    """The prediction for one face.

    Attributes:
        probabilities: The probability of each class of `expression`, 0-1, sum 1, in class order.
        not_face: Probability that this is not a face, 0-1; 0 if the model does not predict it.
    """

    probabilities: dict[str, float]
    not_face: float = 0.0


def predict_each_face(classifier: FaceClassifier, faces: Sequence[Sequence[NDArray[np.uint8]]]) -> list[FacePrediction]:
    """Return the prediction for each face, averaged over its views.

    A face with one view gets what `Classifier.predict_proba` returns for that view.

    Args:
        classifier: The model.
        faces: The views of each face, one or more, uint8 (H, W) or (H, W, 3), 0-255.

    Raises:
        MoueError: as `Classifier.predict_proba`.
    """
    views = [view for face in faces for view in face]
    outputs = classifier.predict_faces(views, batch_size=max(1, min(len(views), _MAX_BATCH)))
    predictions, start = [], 0
    for face in faces:
        part = slice(start, start + len(face))
        start += len(face)
        mean = outputs.expression[part].mean(axis=0, dtype=float).tolist()
        not_face = float(outputs.not_face[part].mean(dtype=float))
        predictions.append(FacePrediction(dict(zip(classifier.class_names, mean, strict=True)), not_face))
    return predictions
