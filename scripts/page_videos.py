"""Write videos for the page's tests: a drawn person sways through the image, first laughing, then sad.

    python scripts/page_videos.py OUT

Writes OUT/camera.mjpeg, which Chromium plays as a camera, and OUT/film.webm, a video file in which a second person
appears. OUT/sound.webm is the same video with an intermittent tone, and OUT/sound-annotated.webm and .mp4 are its
annotated copies by `moue predict`. OUT/opencv.webm is the same video, encoded as moue does without PyAV.
"""

from __future__ import annotations

import io
import math
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from page_material import draw_person
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from moue.data.synthetic.dataset import EXPRESSIONS
from moue.output.encoders import OpencvEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIZE: Final = (640, 480)
_FPS: Final = 30
_SECONDS: Final = 6
_SIDE: Final = 300
_RATE: Final = 48_000


def main() -> None:
    """Write the videos."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    first = [_sprite(4, "happy", 1), _sprite(4, "sad", 1)]
    other = [_sprite(11, "surprise", 0), _sprite(11, "neutral", 0)]
    with (out / "camera.mjpeg").open("wb") as file:
        for number in range(_FPS * _SECONDS):
            content = io.BytesIO()
            _frame(number, first, None).save(content, "JPEG", quality=85)
            file.write(content.getvalue())
    frames = [_frame(number, first, other) for number in range(_FPS * _SECONDS)]
    _write_webm(out / "film.webm", frames)
    _write_webm(out / "sound.webm", frames, tone=_tone())
    for suffix in (".webm", ".mp4"):
        annotated = str(out / f"sound-annotated{suffix}")
        _run_moue(
            "predict", str(out / "sound.webm"), "--annotate", annotated, "--every", "10", "--overwrite", "--quiet"
        )
    _write_opencv(out / "opencv.webm", frames)
    print(f"camera.mjpeg and videos of {_SECONDS} s in {out}")


def _tone() -> NDArray[np.int16]:
    """Return a tone that alternates with silence every half second, int16 (samples,)."""
    times = np.arange(_RATE * _SECONDS) / _RATE
    return (12_000 * np.sin(2 * math.pi * 440 * times) * (times % 1 < 0.5)).astype(np.int16)


def _run_moue(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "moue", *words], check=True)


def _sprite(seed: int, name: str, way: int) -> Image.Image:
    """Return a person without the background, RGBA."""
    gray = draw_person(seed, EXPRESSIONS[name][way], 0.0, 0.0)
    background = gray.copy()
    for corner in ((0, 0), (gray.width - 1, 0)):
        ImageDraw.floodfill(background, corner, 0, thresh=2)
    mask = ImageChops.difference(gray, background).point([255] + 255 * [0])
    tinted = ImageOps.colorize(gray, "#1f2a37", "#f7ead9", "#b0795a")
    tinted.putalpha(mask.filter(ImageFilter.MedianFilter(5)))
    return tinted.resize((_SIDE, _SIDE))


def _frame(number: int, first: list[Image.Image], other: list[Image.Image] | None) -> Image.Image:
    """Return a frame: the first person sways; the second one, if given, comes in from the right."""
    share = number / (_FPS * _SECONDS)
    image = Image.linear_gradient("L").resize(_SIZE)
    image = ImageOps.colorize(image, "#5d7f86", "#e9e2d2", "#b9b7a8")
    sway = round(24 * math.sin(2 * math.pi * share * 2))
    if other:
        sprite = Image.blend(other[0], other[1], _rise(share, 0.75))
        image.paste(sprite, (640 - round(300 * _rise(share, 0.25)), 180 + sway // 4), sprite)
    sprite = Image.blend(first[0], first[1], _rise(share, 0.45))
    image.paste(sprite, (30 + sway, 180), sprite)
    return image


def _rise(share: float, start: float) -> float:
    return min(1.0, max(0.0, (share - start) * 10))


def _write_opencv(path: Path, frames: list[Image.Image]) -> None:
    encoder = OpencvEncoder(path, fps=_FPS, size=_SIZE)
    for number, image in enumerate(frames):
        encoder.write(np.asarray(image)[..., ::-1].copy(), number / _FPS)
    encoder.close()


def _write_webm(path: Path, frames: list[Image.Image], tone: NDArray[np.int16] | None = None) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=_FPS, options={"deadline": "realtime", "b": "1M"})
        stream.width, stream.height, stream.pix_fmt = *_SIZE, "yuv420p"
        sound = None if tone is None else container.add_stream("libopus", rate=_RATE, layout="mono")
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_image(image)))  # type: ignore[no-untyped-call]
        container.mux(stream.encode())
        if sound is not None and tone is not None:
            part = av.AudioFrame.from_ndarray(tone[None], format="s16", layout="mono")
            part.sample_rate, part.pts = _RATE, 0
            container.mux(sound.encode(part))
            container.mux(sound.encode())


if __name__ == "__main__":
    main()
