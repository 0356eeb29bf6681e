"""Cameras for tests: a video of two colors, and a camera that gives its frames on a signal."""

import dataclasses
import threading

import numpy as np

from moue.media.opencv import load_opencv
from moue.media.video import VideoFrame

FPS = 25
RED, BLUE = (200, 30, 30), (30, 30, 200)


def write_video(path, num_frames, fps):
    """Write a video that is red at the left and blue at the right."""
    cv2 = load_opencv()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), fps, (160, 120))
    frame = np.zeros((120, 160, 3), np.uint8)
    frame[:, :80], frame[:, 80:] = RED[::-1], BLUE[::-1]
    for _ in range(num_frames):
        writer.write(frame)
    writer.release()
    return path


@dataclasses.dataclass
class ScriptedCamera:
    """A camera that gives `count` frames once `gate` is set."""

    count: int
    problem: str = ""
    is_live: bool = True
    name: str = "camera 7"
    closed: bool = False
    gate: threading.Event = dataclasses.field(default_factory=threading.Event)
    given: threading.Event = dataclasses.field(default_factory=threading.Event)

    def frames(self):
        try:
            for number in range(self.count):
                self.gate.wait(10)
                yield VideoFrame(np.zeros((4, 4, 3), np.uint8), number, number / FPS, 0.0)
                self.given.set()
        finally:
            self.closed = True


def no_thread_is_left():
    return not [thread for thread in threading.enumerate() if thread.name in ("moue-camera", "moue-analysis")]
