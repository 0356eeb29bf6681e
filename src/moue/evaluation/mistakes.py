"""Which parts of a face a mistake rests on, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from moue.classifier.classifier import Classifier
from moue.classifier.maps import CLASS_MAP, face_maps
from moue.drawing.evidence import LEAST_SCALE, color_face
from moue.errors import MoueError
from moue.evaluation.canvas import image_uri
from moue.heads import EXPRESSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_ENLARGED = 3  # times; the map is smooth, and so is the face then


def explain_mistakes(
    model: str | Path, images: Sequence[NDArray[np.uint8]], answers: Sequence[str]
) -> list[str] | None:
    """Return each face in the colours of what speaks for and against its answer, as data URIs of PNG.

    Args:
        model: The network that answered, as for `Classifier.load`.
        images: uint8 (H, W, 1) each.
        answers: The class that its first raw head gave to each.

    Returns:
        None where the network is not there any more, or allows no class maps; an empty text for a face to which it
        gives another answer.
    """
    try:
        classifier = Classifier.load(model)
        head = next(head for head in classifier.heads if head != EXPRESSION)
        maps = face_maps(classifier, images, method=CLASS_MAP, head=head)
    except MoueError:
        return None
    pictures = []
    for image, answer, found in zip(images, answers, maps, strict=True):
        if found.emotion != answer:
            pictures.append("")
            continue
        face = Image.fromarray(image[..., 0])
        large = np.asarray(face.resize((face.width * _ENLARGED, face.height * _ENLARGED), Image.Resampling.BICUBIC))
        scale = max(float(np.abs(found.evidence).max()), LEAST_SCALE)
        pictures.append(image_uri(color_face(large, found.evidence, scale, shift=found.shift)))
    return pictures
