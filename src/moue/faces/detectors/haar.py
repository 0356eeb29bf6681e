"""The Haar cascade of OpenCV 4: nothing to fetch where OpenCV is installed, but it errs more often.

Viola & Jones 2001, "Rapid Object Detection using a Boosted Cascade of Simple Features", CVPR.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import MissingExtraError, MoueError
from moue.faces.face import Face
from moue.faces.registry import DetectorKind
from moue.media.pixels import to_gray

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LONGEST: Final = 1280
_MIN_SIZE: Final = 24
_SURE: Final = 8.0
# The cascade's square goes beyond the face; YuNet's box, which the crop is fitted to, has this place in it (medians
# over the faces that both find): left, top, width, height in parts of the square's side.
_TIGHT: Final = (0.09, -0.01, 0.83, 1.05)


class HaarDetector:
    """OpenCV's frontal face cascade; gives no landmarks.

    Raises:
        MissingExtraError: OpenCV is not installed.
        MoueError: the installed OpenCV has no cascades, as OpenCV 5.
    """

    name = "haar"

    def __init__(self) -> None:
        self._cascade = _load()
        self._lock = threading.Lock()  # a cascade must not be used by two threads at once

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        """Return the faces of an image, the surest first; their score is made of the cascade's level weight.

        Args:
            image: uint8 RGB (H, W, 3).
        """
        import cv2

        gray = to_gray(image)
        scale = min(1.0, _LONGEST / max(gray.shape))
        if scale < 1:
            gray = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        with self._lock:
            boxes, _, weights = self._cascade.detectMultiScale3(
                cv2.equalizeHist(gray), 1.1, 5, minSize=(_MIN_SIZE, _MIN_SIZE), outputRejectLevels=True
            )
        faces = []
        for (x, y, side, _), weight in zip(boxes, np.ravel(weights), strict=True):
            left, top, width, height = (float(part * side / scale) for part in _TIGHT)
            score = min(1.0, max(0.0, float(weight) / _SURE))
            faces.append(Face(float(x) / scale + left, float(y) / scale + top, width, height, None, score))
        return sorted(faces, key=lambda face: -face.face_score)


def _load() -> Any:  # noqa: ANN401 (cv2 has no types)
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("opencv-python-headless", "video") from error
    data: Any = getattr(cv2, "data", None)
    if data is None or not hasattr(cv2, "CascadeClassifier"):
        raise MoueError(
            f"OpenCV {cv2.__version__} has no Haar cascades", "OpenCV 4", 'Install it: pip install "moue[video]"'
        )
    path = Path(data.haarcascades) / "haarcascade_frontalface_default.xml"
    cascade = cv2.CascadeClassifier(str(path)) if path.is_file() else None
    if cascade is None or cascade.empty():
        raise MoueError(f"{path} is missing or damaged", "OpenCV's own cascade", "Install OpenCV again.")
    return cascade


DETECTOR: Final = DetectorKind("haar", HaarDetector)
