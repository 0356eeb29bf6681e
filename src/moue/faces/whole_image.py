"""No detection: the picture as a whole is one face, as those of FER2013 are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moue.faces.face import Face

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WholePicture:
    """Takes every picture as one face, which fills it."""

    name = "none"

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return one box around the whole picture, uint8 RGB (H, W, 3)."""
        return [Face(0.0, 0.0, float(image.shape[1]), float(image.shape[0]))]
