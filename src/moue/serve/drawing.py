"""Drawings as files: an image with its result drawn on it, and the maps of its faces."""

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


def drawn(result: ImageResult, kind: str) -> bytes:
    """Return the file.

    Args:
        result: Holds its pixels.
        kind: `JPEG` or `PNG`.

    Raises:
        MoueError: the image could not be read.
    """
    if result.pixels is None:
        raise MoueError(
            f"the image has the status {result.status}: {result.message}", "an image that can be read", "Convert it."
        )
    return _file(result.plot(), kind)


def drawn_maps(result: ImageResult, classifier: FaceClassifier, emotion: str) -> bytes:
    """Return the maps of all faces on one sheet, as a PNG file.

    Args:
        result: Holds its pixels.
        classifier: The network that answered.
        emotion: The class to explain; empty for the one that each face is given.

    Raises:
        MoueError: the image could not be read, or holds no face.
    """
    return _file(explain_result(result, model=classifier, emotion=emotion).plot(), PNG)


def _file(picture: Image.Image, kind: str) -> bytes:
    content = io.BytesIO()
    if kind == PNG:
        picture.save(content, "PNG", compress_level=1)
    else:
        picture.save(content, "JPEG", quality=92)
    return content.getvalue()
