"""Class maps of mistakes, for the report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from moue.classifier.classifier import Classifier
from moue.classifier.maps import CLASS_MAP, face_maps
from moue.drawing.evidence import MIN_SCALE, color_face
from moue.errors import MoueError
from moue.evaluation.canvas import image_uri
from moue.heads import EXPRESSION

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_ZOOM = 3  # times; makes the face as smooth as the map


def explain_mistakes(
    model: str | Path, images: Sequence[NDArray[np.uint8]], predictions: Sequence[str]
) -> list[str] | None:
    """Return each face coloured by the evidence for and against its prediction, as data URIs of PNG.

    Args:
        model: The model that made the predictions, as for `Classifier.load`.
        images: uint8 (H, W, 1) each.
        predictions: The class that its first raw head predicted for each.

    Returns:
        None if the model is missing or allows no class maps; an empty string for a face for which it now predicts
        another class.
    """
    try:
        classifier = Classifier.load(model)
        head = next(head for head in classifier.heads if head != EXPRESSION)
        maps = face_maps(classifier, images, method=CLASS_MAP, head=head)
    except MoueError:
        return None
    uris = []
    for image, prediction, face_map in zip(images, predictions, maps, strict=True):
        if face_map.emotion != prediction:
            uris.append("")
            continue
        face = Image.fromarray(image[..., 0])
        large = np.asarray(face.resize((face.width * _ZOOM, face.height * _ZOOM), Image.Resampling.BICUBIC))
        scale = max(float(np.abs(face_map.evidence).max()), MIN_SCALE)
        uris.append(image_uri(color_face(large, face_map.evidence, scale, shift=face_map.shift)))
    return uris
