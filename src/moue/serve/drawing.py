"""Image files for responses: an image with its result drawn on it, and the maps of its faces."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError
from moue.recognition.explain import explain_result

if TYPE_CHECKING:
    from PIL import Image

    from moue.classifier.protocol import FaceClassifier
    from moue.recognition.image_result import ImageResult

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"


def annotated_file(result: ImageResult, kind: str) -> bytes:
    """Return the annotated image as a file.

    Args:
        result: A result that holds its pixels.
        kind: `JPEG` or `PNG`.

    Raises:
        MoueError: the image could not be read.
    """
    if result.pixels is None:
        raise MoueError(
            f"the image has the status {result.status}: {result.message}", "an image that can be read", "Convert it."
        )
    return _file(result.plot(), kind)


def maps_file(result: ImageResult, classifier: FaceClassifier, emotion: str) -> bytes:
    """Return the maps of all faces on one sheet, as a PNG file.

    Args:
        result: A result that holds its pixels.
        classifier: The model that made the predictions.
        emotion: The class to explain; empty for the predicted class of each face.

    Raises:
        MoueError: the image could not be read, or has no face.
    """
    return _file(explain_result(result, model=classifier, emotion=emotion).plot(), PNG)


def _file(drawing: Image.Image, kind: str) -> bytes:
    content = io.BytesIO()
    if kind == PNG:
        drawing.save(content, "PNG", compress_level=1)
    else:
        drawing.save(content, "JPEG", quality=92)
    return content.getvalue()
