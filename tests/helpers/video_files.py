"""Small videos for tests: bright squares that move over a dark background, and a detector that finds them."""

import numpy as np
import pytest

from moue.faces import Face
from moue.media.opencv import load_opencv


class BrightSquares:
    """Finds the squares of `write_video`."""

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
    """Return a frame, uint8 (H, W, 3) RGB, with squares of 30 pixels whose left edges are at `red` and `blue`."""
    image = np.full((*size, 3), 40, np.uint8)
    if red is not None:
        image[20:50, red : red + 30] = (250, 40, 40)
    if blue is not None:
        image[70:100, blue : blue + 30] = (40, 40, 250)
    return image


def write_video(path, frames, fps=25.0):
    """Write frames, uint8 (H, W, 3) RGB, all of one size; the suffix chooses the codec."""
    pytest.importorskip("cv2", reason="videos need the extra 'video'")
    cv2 = load_opencv()
    frames = list(frames)
    code = cv2.VideoWriter_fourcc(*{".avi": "MJPG", ".webm": "VP80"}.get(path.suffix, "mp4v"))
    writer = cv2.VideoWriter(str(path), code, fps, frames[0].shape[1::-1])
    assert writer.isOpened()
    for image in frames:
        writer.write(np.ascontiguousarray(image[..., ::-1]))
    writer.release()
    return path


def two_squares(path, num=20, fps=25.0):
    """Write a video in which a red square moves to the right, and a blue one appears after a third of the time."""
    frames = (frame(4 * number % 120, 100 if number >= num // 3 else None) for number in range(num))
    return write_video(path, frames, fps)


def video_with_sound(path, num=25, fps=25, tone=(0.25, 0.75)):
    """Write a video of gray frames whose sound is silent except for a 440 Hz tone between two times, in seconds."""
    av = pytest.importorskip("av", reason="sound needs the extra 'sound'")
    rate = 44_100
    seconds = np.arange(num * rate // fps) / rate
    heard = (seconds >= tone[0]) & (seconds < tone[1])
    wave = (12_000 * np.sin(2 * np.pi * 440 * seconds) * heard).astype(np.int16)
    with av.open(str(path), "w") as container:
        images = container.add_stream("mpeg4", rate=fps)
        images.width, images.height, images.pix_fmt = 160, 120, "yuv420p"
        sound = container.add_stream("aac", rate=rate, layout="mono")
        for number in range(num):
            image = np.full((120, 160, 3), 40 + number, np.uint8)
            container.mux(images.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(images.encode(None))
        for first in range(0, len(wave), 1024):
            part = av.AudioFrame.from_ndarray(wave[None, first : first + 1024], format="s16", layout="mono")
            part.sample_rate, part.pts = rate, first
            container.mux(sound.encode(part))
        container.mux(sound.encode(None))
    return path


def sound_of(path):
    """Return the sound of a video from its start, float (N,) at 48,000 samples per second."""
    av = pytest.importorskip("av", reason="sound needs the extra 'sound'")
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=48_000)
    with av.open(str(path)) as container:
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts)
