"""An image with its result drawn on it, as a file."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError

if TYPE_CHECKING:
    from moue.recognition.results import ImageResult

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
    content = io.BytesIO()
    picture = result.plot()
    if kind == PNG:
        picture.save(content, "PNG", compress_level=1)
    else:
        picture.save(content, "JPEG", quality=92)
    return content.getvalue()
