"""YuNet with ONNX Runtime; its outputs are decoded with NumPy, without OpenCV or PyTorch.

Wu, Peng & Yu 2023, "YuNet: A Tiny Millisecond-level Face Detector", https://doi.org/10.1007/s11633-023-1423-y;
weights of the OpenCV Zoo (MIT), https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.runtime import open_session, read_network
from moue.errors import MoueError
from moue.faces.face import Face

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

STRIDES: Final = (8, 16, 32)
ALIGN: Final = 32
"""The network takes images whose sides are multiples of this."""

# The file declares an input of 640x640, but all its layers take any size. These bytes are the declared height and width
# (two messages `dim_value: 640`) and their replacement of the same length (`dim_param: "h"`, `dim_param: "w"`).
_FIXED_SIZE: Final = bytes.fromhex("0a030880050a03088005")
_FREE_SIZE: Final = bytes.fromhex("0a031201680a03120177")
_MAX_CANDIDATES: Final = 5000
_FIX: Final = "Get it with: moue download yunet"


class YuNet:
    """The bare network: it runs on one image at its own scale, like OpenCV's ``FaceDetectorYN``.

    It finds faces of 10 to 300 pixels; `moue.faces.detectors.yunet` scales images so that all faces have such a size.

    Args:
        path: ``face_detection_yunet_2023mar.onnx``.
        threads: CPU threads.

    Raises:
        MoueError: the file cannot be read or is not YuNet.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.path = path
        self._session = _open(path, threads)
        self._outputs = [f"{kind}_{stride}" for kind in ("cls", "obj", "bbox", "kps") for stride in STRIDES]
        missing = set(self._outputs) - {output.name for output in self._session.get_outputs()}
        if missing:
            raise MoueError(
                f"{path} has no output {', '.join(sorted(missing))}",
                "face_detection_yunet_2023mar.onnx",
                _FIX,
            )

    def faces(
        self, image: NDArray[np.uint8], *, score_threshold: float = 0.9, nms_threshold: float = 0.3
    ) -> list[Face]:
        """Return the faces of an image at its own scale, the most confident first.

        Args:
            image: uint8 RGB (H, W, 3); padded with black on the right and bottom if a side is not a multiple of 32.
            score_threshold: Lowest face_score, 0-1.
            nms_threshold: If two boxes overlap by more than this (intersection over union), the more confident one is
                kept.
        """
        blob = _blob(image)
        outputs = self._session.run(self._outputs, {"input": blob})
        rows = decode(outputs, blob.shape[3], score_threshold)
        return [_face(row) for row in rows[suppress(rows, nms_threshold)]]


def read_free(path: Path) -> bytes:
    """Return the content of the network's file, changed to accept images of any size.

    Raises:
        MoueError: the file cannot be read.
    """
    content = read_network(path, _FIX)
    return content.replace(_FIXED_SIZE, _FREE_SIZE) if content.count(_FIXED_SIZE) == 1 else content


def decode(outputs: list[NDArray[np.float32]], width: int, score_threshold: float) -> NDArray[np.float32]:
    """Convert the network's outputs to candidates.

    Args:
        outputs: cls (1, A, 1), obj (1, A, 1), bbox (1, A, 4) and kps (1, A, 10), each for the strides 8, 16, 32;
            A = height * width / stride ** 2, in row-major order.
        width: Width of the network's input.
        score_threshold: Lowest score that is kept.

    Returns:
        float32 (M, 15), the highest score first: x, y, width, height, five landmarks (x, y), score.
    """
    parts = []
    for level, stride in enumerate(STRIDES):
        classes, objects, boxes, points = (outputs[level + 3 * kind] for kind in range(4))
        confidences = np.clip(classes.reshape(-1), 0, 1) * np.clip(objects.reshape(-1), 0, 1)
        kept = np.flatnonzero(confidences >= score_threshold**2)
        if not len(kept):
            continue
        down, across = np.divmod(kept, width // stride)
        corner = np.stack([across, down], axis=1).astype(np.float32)
        box = boxes.reshape(-1, 4)[kept]
        size = np.exp(np.minimum(box[:, 2:], 20.0)) * stride
        centre = (corner + box[:, :2]) * stride
        landmarks = (points.reshape(-1, 5, 2)[kept] + corner[:, None]) * stride
        score = np.sqrt(confidences[kept])[:, None]
        parts.append(np.hstack([centre - size / 2, size, landmarks.reshape(-1, 10), score]))
    if not parts:
        return np.zeros((0, 15), np.float32)
    rows: NDArray[np.float32] = np.concatenate(parts).astype(np.float32)
    return rows[np.argsort(-rows[:, 14], kind="stable")[:_MAX_CANDIDATES]]


def suppress(rows: NDArray[np.float32], threshold: float) -> NDArray[np.int64]:
    """Return the candidates that remain after greedy non-maximum suppression, as positions in `rows`.

    Args:
        rows: float32 (M, 4 or more), the most confident first: x, y, width, height.
        threshold: Intersection over union above which the less confident box is dropped.
    """
    left, top = rows[:, 0], rows[:, 1]
    right, bottom = left + rows[:, 2], top + rows[:, 3]
    area = rows[:, 2] * rows[:, 3]
    order = np.arange(len(rows))
    kept = []
    while len(order):
        first, rest = order[0], order[1:]
        kept.append(first)
        width = np.minimum(right[first], right[rest]) - np.maximum(left[first], left[rest])
        height = np.minimum(bottom[first], bottom[rest]) - np.maximum(top[first], top[rest])
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        order = rest[shared <= threshold * (area[first] + area[rest] - shared)]
    return np.array(kept, np.int64)


def _blob(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(H, W, 3) RGB to float32 (1, 3, H', W') BGR, 0-255, sides padded to multiples of 32."""
    height, width = image.shape[:2]
    blob = np.zeros((1, 3, -(-height // ALIGN) * ALIGN, -(-width // ALIGN) * ALIGN), np.float32)
    blob[0, :, :height, :width] = image.transpose(2, 0, 1)[::-1]
    return blob


def _face(row: NDArray[np.float32]) -> Face:
    x, y, width, height = row[:4].tolist()
    return Face(x, y, max(width, 1e-3), max(height, 1e-3), row[4:14].reshape(5, 2).copy(), float(row[14]))


def _open(path: Path, threads: int) -> Any:  # noqa: ANN401 (onnxruntime has no types)
    return open_session(read_free(path), path, threads=threads, fix=_FIX, many_sizes=True)
