"""YuNet as the teacher of moue's own detector: its detections in enlarged faces and in photographs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
from PIL import Image

from moue.errors import MoueError
from moue.faces import store
from moue.faces.boxes import merge
from moue.faces.yunet_network import YuNet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.faces.face import Face

    Detections: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]

_SCENE_SCALES: Final = (1.0, 2.0, 0.5)
_FACE_SIDE: Final = 200  # a square up to this side is one enlarged face


class Labeller:
    """YuNet without a second look or a high threshold: training also needs its uncertain detections.

    Raises:
        MoueError: YuNet has not been downloaded.
    """

    def __init__(self) -> None:
        path = store.find("yunet")
        if path is None:
            raise MoueError("YuNet is missing", "the teacher of the detector", "Get it with: moue download yunet")
        self._network = YuNet(path)

    def __call__(self, image: NDArray[np.uint8]) -> Detections:
        """Return boxes (M, 4), landmarks (M, 5, 2) and scores (M,) of an image, uint8 (H, W, 3), best score first."""
        if image.shape[0] == image.shape[1] <= _FACE_SIDE:
            return _packed(self._network.faces(image, score_threshold=0.3))
        whole, found = Image.fromarray(image), []
        for scale in _SCENE_SCALES:
            view = whole.resize((round(whole.width * scale), round(whole.height * scale)))
            faces = self._network.faces(np.asarray(view), score_threshold=0.2)
            found += [face.moved(1 / scale) for face in faces]
        return _packed(merge(found))


def _packed(faces: list[Face]) -> Detections:
    points = [face.landmarks for face in faces]
    return (
        np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.array([face.face_score for face in faces], np.float32),
    )
