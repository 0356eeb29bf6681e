"""Measurements of labelled faces with a face detector, for the subsets of `moue evaluate --robustness`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from moue.cli import console

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LOWEST = 0.05  # below this a detector's score means nothing


def measure_faces(images: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Return the score and the size of the best box that moue's own detector finds in each face.

    Args:
        images: uint8 (n, H, W, 1).

    Returns:
        "detector's score" and "face's size in pixels", float (n,); NaN where no face was found.
    """
    import numpy as np

    from moue.faces import make_detector

    detector = make_detector("own", score_threshold=_LOWEST)
    scores, sizes = np.full(len(images), np.nan), np.full(len(images), np.nan)
    with console.count_progress("finding faces") as moved:
        for position, image in enumerate(images):
            boxes = detector.detect(np.repeat(image, 3, axis=2))
            if boxes:
                scores[position] = boxes[0].face_score
                sizes[position] = math.sqrt(boxes[0].width * boxes[0].height)
            moved(position + 1, len(images))
    return {"detector's score": scores, "face's size in pixels": sizes}
