"""What a network's heads answer together for faces in photographs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from moue.probabilities import apply_temperature, normalised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from moue.classifier.classifier import Classifier
    from moue.classifier.spec import ModelSpec

EMOTION, PERCEIVED, NOT_FACE = "emotion", "perceived", "not_face"


@dataclasses.dataclass(frozen=True)
class FaceAnswer:
    """What is seen in one face.

    Attributes:
        probabilities: Of each class of the head "emotion", 0-1, sum 1, in class order.
        not_face: Probability that this is no face at all, 0-1; 0 where the network has no such answer.
    """

    probabilities: dict[str, float]
    not_face: float = 0.0


def answer_faces(classifier: Classifier, faces: Sequence[Sequence[NDArray[np.uint8]]]) -> list[FaceAnswer]:
    """Return what the network sees in each face, averaged over the views of it.

    Args:
        classifier: The network, whose `spec.photographs` says how its heads answer together.
        faces: Of each face its views, one or more, uint8 (H, W) or (H, W, 3), 0-255.

    Raises:
        MoueError: as `Classifier.predict_proba`.
    """
    views = [view for face in faces for view in face]
    size = max(1, min(len(views), 64))
    if classifier.spec.photographs.needs_perceived:
        y_prob = classifier.predict_heads(views, batch_size=size)
    else:
        y_prob = {EMOTION: classifier.predict_proba(views, batch_size=size)}
    mixed = mix_heads(y_prob, classifier.spec)
    chances = not_face_chances(y_prob, classifier.spec)
    answers, start = [], 0
    for face in faces:
        part = slice(start, start + len(face))
        start += len(face)
        mean = mixed[part].mean(axis=0).tolist()
        answers.append(FaceAnswer(dict(zip(classifier.class_names(), mean, strict=True)), float(chances[part].mean())))
    return answers


def mix_heads(y_prob: dict[str, NDArray[np.float32]], spec: ModelSpec) -> NDArray[np.float64]:
    """Return the answer on photographs, float64 (N, classes of "emotion"), rows sum to 1.

    What "perceived" gives to answers that "emotion" does not have (contempt, unknown, not a face) is shared out among
    the others in proportion.

    Args:
        y_prob: Calibrated probabilities of each head by its name, (N, classes of that head).
        spec: Description of the network.
    """
    how = spec.photographs
    mixed: NDArray[np.float64] = y_prob[EMOTION].astype(np.float64)
    if how.perceived_share:
        names = spec.head(PERCEIVED).class_names
        columns = [names.index(name) for name in spec.head(EMOTION).class_names]
        perceived = normalised(y_prob[PERCEIVED][:, columns].astype(np.float64))
        mixed = normalised(how.perceived_share * perceived + (1 - how.perceived_share) * mixed)
    if how.class_weights:
        mixed = normalised(mixed * np.array(how.class_weights))
    # Last, so that the temperature changes no answer.
    return mixed if how.temperature == 1 or not len(mixed) else apply_temperature(mixed, how.temperature)


def not_face_chances(y_prob: dict[str, NDArray[np.float32]], spec: ModelSpec) -> NDArray[np.float64]:
    """Return the probability that each picture is no face, float64 (N,); 0 where no head says so."""
    if PERCEIVED not in y_prob or NOT_FACE not in spec.head(PERCEIVED).class_names:
        return np.zeros(len(y_prob[EMOTION]))
    chances: NDArray[np.float64] = y_prob[PERCEIVED][:, spec.head(PERCEIVED).class_names.index(NOT_FACE)].astype(
        np.float64
    )
    return chances
