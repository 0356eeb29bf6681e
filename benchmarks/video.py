"""Frames per second, and milliseconds of each stage, on a 640x480 video made from photos.

Run: python benchmarks/video.py PHOTO... [--model RUN] [--detector NAME] [--seconds 10] [--keep FILE] [--annotate FILE]

Each photo is shifted, zoomed and rotated a little for its share of the video. The time includes reading the video,
detecting and tracking faces, classifying them, and with --annotate drawing and writing the video.
The limit is 25 frames per second with two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from moue.media.open_video import open_video
from moue.media.opencv import load_opencv
from moue.output.video_writer import AnnotatedVideo
from moue.recognition.stream import analyze_frames, stream_analyzer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

WIDTH, HEIGHT, FPS = 640, 480, 25
STAGES = ("decode_ms", "detection_ms", "preprocess_ms", "inference_ms")


def moving(photo: Image.Image, num_frames: int) -> Iterator[NDArray[np.uint8]]:
    """Yield frames (480, 640, 3) RGB of a moving photo."""
    photo = ImageOps.exif_transpose(photo).convert("RGB")
    photo.thumbnail((1280, 960))
    fit = max(WIDTH / photo.width, HEIGHT / photo.height)
    for number in range(num_frames):
        turn = 2 * math.pi * number / num_frames
        scale = 1 / (fit * (1.12 + 0.1 * math.sin(turn)))
        angle = 0.1 * math.sin(2 * turn)
        cos, sin = scale * math.cos(angle), scale * math.sin(angle)
        x = photo.width / 2 + 0.05 * photo.width * math.cos(turn)
        y = photo.height / 2 + 0.05 * photo.height * math.sin(2 * turn) - 0.05 * photo.height
        matrix = (cos, -sin, x - cos * WIDTH / 2 + sin * HEIGHT / 2, sin, cos, y - sin * WIDTH / 2 - cos * HEIGHT / 2)
        yield np.asarray(photo.transform((WIDTH, HEIGHT), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR))


def write_video(path: Path, photos: Sequence[str], seconds: float) -> None:
    """Write the video."""
    cv2 = load_opencv()
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), FPS, (WIDTH, HEIGHT))
    for photo in photos:
        for frame in moving(Image.open(photo), round(seconds * FPS / len(photos))):
            writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()


def main() -> int:
    """Print one line per stage and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="+")
    parser.add_argument("--model", default="small")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--annotate", type=Path)
    options = parser.parse_args()
    analyzer = stream_analyzer(options.model, options.detector)
    with contextlib.ExitStack() as stack:
        path = options.keep or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "video.mp4"
        write_video(path, options.photos, options.seconds)
        video = open_video(path)
        drawn = None
        if options.annotate:
            drawn = stack.enter_context(AnnotatedVideo(options.annotate, fps=video.fps, overwrite=True))
        began, cpu = time.perf_counter(), time.process_time()
        results = []
        for image, result in analyze_frames(video, analyzer):
            results.append(result)
            if drawn is not None and image is not None:
                drawn.add(image, result)
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    for stage in STAGES:
        print(f"{stage:14} {statistics.median(getattr(result.timings, stage) for result in results):7.2f}")
    count = len(results)
    people = {face.track_id for result in results for face in result.faces}
    faces = sum(len(result.faces) for result in results)
    print(f"{count} frames, {faces} faces, {len(people)} people, detector {analyzer.detector.name}")
    print(f"{count / wall:.1f} frames per second, {1e3 * cpu / count:.1f} CPU ms per frame")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
