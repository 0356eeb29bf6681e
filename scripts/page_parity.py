"""Forty images for the page's test, and what `moue.analyze` says of each.

    python scripts/page_parity.py OUT

Writes PNG files, so that no decoder of JPEG comes between, and OUT/expected.json. Most are drawn faces in drawn scenes;
real photos join them where MOUE_PHOTOS names a folder of some.
"""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter

import moue

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUM_IMAGES: Final = 40
_MOST_PHOTOS: Final = 18
_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
_SIZES: Final = ((640, 480), (480, 640), (1280, 853), (333, 251), (1999, 1403), (801, 97), (150, 140))


def main() -> None:
    """Write the images and the answers."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    images = photos()
    rng = np.random.default_rng(13)
    faces = moue.synthesize(40, 13).images[..., 0]
    images += [scene(faces, number, rng) for number in range(NUM_IMAGES - len(images) - 1)]
    images.append(Image.fromarray(faces[7]))  # a face already cut out
    expected = []
    for number, image in enumerate(images):
        path = out / f"{number:02d}.png"
        image.save(path)
        expected.append(moue.analyze(path, detector="own").to_dict() | {"file": path.name})
    (out / "expected.json").write_text(json.dumps(expected), encoding="utf-8")
    found = sum(len(one["faces"]) for one in expected)
    print(f"{len(images)} images with {found} faces in {out}")


def photos() -> list[Image.Image]:
    """Return real photos, where there are some."""
    folder = os.environ.get("MOUE_PHOTOS")
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in _SUFFIXES) if folder else []
    opened = [Image.open(path).convert("RGB") for path in paths[:_MOST_PHOTOS]]
    for image in opened:
        image.thumbnail((2400, 2400))
    return opened


def scene(faces: NDArray[np.uint8], number: int, rng: np.random.Generator) -> Image.Image:
    """Return faces of several sizes, turned a little, some of them cut by the border, on a coloured ground."""
    width, height = _SIZES[number % len(_SIZES)]
    corners = Image.fromarray(rng.integers(40, 220, (4, 5, 3), dtype=np.uint8))
    image = corners.resize((width, height), Image.Resampling.BICUBIC)
    for _ in range(1 + number % 4):
        side = round(min(width, height) * rng.uniform(0.25, 0.8))
        face = Image.fromarray(faces[rng.integers(len(faces))]).resize((side, side), Image.Resampling.BICUBIC)
        tint = Image.merge("RGB", [face.point(lambda gray, by=by: gray * by) for by in rng.uniform(0.7, 1.0, 3)])
        mask = Image.new("L", (side, side))
        mask.paste(255, (side // 12, side // 12, side - side // 12, side - side // 12))
        angle = rng.uniform(-25, 25)
        turned = tint.rotate(angle, Image.Resampling.BICUBIC)
        soft = mask.rotate(angle).filter(ImageFilter.GaussianBlur(max(1, side / 40)))
        place = (round(rng.uniform(-0.2, 0.9) * width - side / 8), math.floor(rng.uniform(-0.15, 0.5) * height))
        image.paste(turned, place, soft)
    return image


if __name__ == "__main__":
    main()
