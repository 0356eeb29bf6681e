"""Write 40 images for the page's tests, with the results of `moue.analyze` and `moue.explain` for each.

    python scripts/page_parity.py OUT

Writes PNG files, because JPEG decoders differ, OUT/expected.json, OUT/why.json with the maps, and OUT/colors.json with
a face in the colours of its evidence. Most images are drawn faces in drawn scenes; if MOUE_PHOTOS names a folder of
real photos, some are photos.
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
from moue.drawing.evidence import color_face
from moue.drawing.evidence_sheet import scale_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.recognition.explain import Explanation

NUM_IMAGES: Final = 40
_MAX_PHOTOS: Final = 18
_OTHER: Final = "sad"  # a class that is not the prediction for most faces
_DRAWN: Final = 64  # pixels of the face whose colours are compared
_SUFFIXES: Final = (".jpg", ".jpeg", ".png")
_SIZES: Final = ((640, 480), (480, 640), (1280, 853), (333, 251), (1999, 1403), (801, 97), (150, 140))


def main() -> None:
    """Write the images and the expected results."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    images = photos()
    rng = np.random.default_rng(13)
    faces = moue.synthesize(40, 13).images[..., 0]
    images += [scene(faces, number, rng) for number in range(NUM_IMAGES - len(images) - 1)]
    images.append(Image.fromarray(faces[7]))  # a face that is already cropped
    expected, explanations = [], []
    for number, image in enumerate(images):
        path = out / f"{number:02d}.png"
        image.save(path)
        result = moue.analyze(path, detector="own")
        expected.append(result.to_dict() | {"file": path.name})
        if result.faces:
            explained = [result.explain(), result.explain(emotion=_OTHER)]
            explanations.append([explanation.to_dict() | {"file": path.name} for explanation in explained])
    for name, content in (("expected", expected), ("why", explanations), ("colors", colors(result.explain()))):
        (out / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    num_faces = sum(len(result["faces"]) for result in expected)
    print(f"{len(images)} images with {num_faces} faces in {out}")


def colors(explanation: Explanation) -> dict[str, object]:
    """Return a face, its evidence, and the pixels of its drawing."""
    face = explanation.faces[0]
    small = np.asarray(Image.fromarray(face.pixels).resize((_DRAWN, _DRAWN)))
    drawn = color_face(small, face.evidence, scale_of(face), shift=face.shift)
    return {
        "face": small.ravel().tolist(),
        "evidence": face.evidence.tolist(),
        "scale": scale_of(face),
        "shift": face.shift,
        "drawn": np.asarray(drawn).ravel().tolist(),
    }


def photos() -> list[Image.Image]:
    """Return the photos in the folder MOUE_PHOTOS, if it is set."""
    folder = os.environ.get("MOUE_PHOTOS")
    paths = sorted(path for path in Path(folder).iterdir() if path.suffix in _SUFFIXES) if folder else []
    opened = [Image.open(path).convert("RGB") for path in paths[:_MAX_PHOTOS]]
    for image in opened:
        image.thumbnail((2400, 2400))
    return opened


def scene(faces: NDArray[np.uint8], number: int, rng: np.random.Generator) -> Image.Image:
    """Return an image of slightly rotated faces of several sizes, some cut by the border, on a coloured background."""
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
        rotated = tint.rotate(angle, Image.Resampling.BICUBIC)
        soft = mask.rotate(angle).filter(ImageFilter.GaussianBlur(max(1, side / 40)))
        place = (round(rng.uniform(-0.2, 0.9) * width - side / 8), math.floor(rng.uniform(-0.15, 0.5) * height))
        image.paste(rotated, place, soft)
    return image


if __name__ == "__main__":
    main()
