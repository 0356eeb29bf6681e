"""Small videos for tests: bright squares that move over a dark ground, and a detector that finds them."""

import numpy as np
import pytest

from moue.faces import Face
from moue.media.opencv import load_opencv


class BrightSquares:
    """Finds the squares of `write_film`."""

    name = "squares"

    def detect(self, image):
        faces = []
        for channel in (0, 2):
            rows, columns = np.nonzero(image[..., channel].astype(int) - image[..., 1] > 80)
            if len(rows) > 20:
                x, y = columns.min(), rows.min()
                faces.append(Face(float(x), float(y), float(columns.max() - x + 1), float(rows.max() - y + 1)))
        return faces


def frame(red=None, blue=None, size=(120, 160)):
    """Return a frame, uint8 (H, W, 3) RGB, with squares of 30 pixels at x."""
    image = np.full((*size, 3), 40, np.uint8)
    if red is not None:
        image[20:50, red : red + 30] = (250, 40, 40)
    if blue is not None:
        image[70:100, blue : blue + 30] = (40, 40, 250)
    return image


def write_film(path, frames, fps=25.0):
    """Write frames, uint8 (H, W, 3) RGB, all of one size; the codec goes with the suffix."""
    pytest.importorskip("cv2", reason="videos need the extra 'video'")
    cv2 = load_opencv()
    frames = list(frames)
    code = cv2.VideoWriter_fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    writer = cv2.VideoWriter(str(path), code, fps, frames[0].shape[1::-1])
    assert writer.isOpened()
    for image in frames:
        writer.write(np.ascontiguousarray(image[..., ::-1]))
    writer.release()
    return path


def two_squares(path, num=20, fps=25.0):
    """Write a video in which a red square goes right, and a blue one comes after a third of the time."""
    frames = (frame(4 * number % 120, 100 if number >= num // 3 else None) for number in range(num))
    return write_film(path, frames, fps)
