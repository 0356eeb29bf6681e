"""No detection: the whole image is one face, like those of FER2013."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.faces.face import Face
from moue.faces.registry import DetectorKind

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WholeImage:
    """Treats every image as one face that fills it."""

    name = "none"

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return one box around the whole image, uint8 RGB (H, W, 3)."""
        return [Face(0.0, 0.0, float(image.shape[1]), float(image.shape[0]))]


DETECTOR: Final = DetectorKind("none", WholeImage)
