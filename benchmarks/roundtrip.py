"""Accuracy lost by detection and cropping: FER2013 faces found and cropped on a larger canvas, against direct input.

Run: python benchmarks/roundtrip.py FER2013 [--model RUN] [--split test] [--detector-model FILE] [--num N]
     python benchmarks/roundtrip.py FER2013 [--model RUN] --split val --grid      # fits crop_margin and crop_shift

Each 48x48 face is enlarged (bicubic) and placed randomly on a gray 640x480 canvas; accuracy is over the faces found.
The limit is a loss of 1.5 points on the test split.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from moue.classifier.classifier import Classifier
from moue.data.load import load_fer2013
from moue.faces import make_detector
from moue.faces.crop import VIEWS, crop_face

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.classifier.input_spec import InputSpec
    from moue.faces import Detector, Face

LIMIT = 0.015
CANVAS = (480, 640)
GRAY = 128
MARGINS = (-0.05, 0.0, 0.05, 0.1, 0.15, 0.2, 0.3)
SHIFTS = (-0.04, -0.01, 0.02, 0.05)


def canvas(face: NDArray[np.uint8], enlarge: float, rng: np.random.Generator) -> tuple[NDArray[np.uint8], int, int]:
    """Return a canvas with the face, uint8 (480, 640, 3), and the face's left and top edges."""
    side = round(48 * enlarge)
    large = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.BICUBIC))
    top, left = (int(rng.integers(0, length - side + 1)) for length in CANVAS)
    image = np.full((*CANVAS, 3), GRAY, np.uint8)
    image[top : top + side, left : left + side] = large[..., None]
    return image, left, top


def find(images: NDArray[np.uint8], detector: Detector, enlarge: float) -> list[tuple[NDArray[np.uint8], Face] | None]:
    """Return, for each face, its part of the canvas with a border, and the detected box in it; None if missed."""
    rng = np.random.default_rng(0)
    found: list[tuple[NDArray[np.uint8], Face] | None] = []
    side = 48 * enlarge
    for image in images:
        scene, left, top = canvas(image[..., 0], enlarge, rng)
        inside = [
            face
            for face in detector.detect(scene)
            if left <= face.x + face.width / 2 <= left + side and top <= face.y + face.height / 2 <= top + side
        ]
        if not inside:
            found.append(None)
            continue
        # Keep only the neighbourhood, because thousands of canvases would fill the memory.
        x, y, border = max(0, left - 100), max(0, top - 100), 100 + round(side)
        part = scene[y : top + border, x : left + border]
        found.append((part, max(inside, key=lambda face: face.width).moved(1.0, -x, -y)))
    return found


def score(
    found: list[tuple[NDArray[np.uint8], Face] | None],
    labels: NDArray[np.integer],
    model: Classifier,
    spec: InputSpec,
    *,
    level: bool = True,
    views: int = len(VIEWS),
) -> float:
    """Return the accuracy over the faces that were found."""
    kept = np.array([each is not None for each in found])
    y_prob = np.zeros((int(kept.sum()), len(model.class_names)))
    for number, zoom in enumerate(VIEWS[:views]):
        pairs = (each for each in found if each is not None)
        crops = np.stack([crop_face(part, face, spec, level=level, zoom=zoom) for part, face in pairs])
        # Every other view is mirrored, as in `Analyzer`.
        y_prob += model.predict_proba(crops[:, :, ::-1] if number % 2 else crops, head="emotion")
    return float((y_prob.argmax(axis=1) == labels[kept]).mean())


def grid(found: list[tuple[NDArray[np.uint8], Face] | None], labels: NDArray[np.integer], model: Classifier) -> None:
    """Print the accuracy for each margin and shift."""
    print(f"{'margin':>8} " + " ".join(f"{shift:>+8.2f}" for shift in SHIFTS))
    for margin in MARGINS:
        specs = [dataclasses.replace(model.spec.input, crop_margin=margin, crop_shift=shift) for shift in SHIFTS]
        print(f"{margin:8.2f} " + " ".join(f"{score(found, labels, model, spec, views=1):8.1%}" for spec in specs))


def main() -> int:
    """Print the accuracies; return 1 if the test split loses more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model", default="small")
    parser.add_argument("--split", default="test", choices=("val", "test"))
    parser.add_argument("--detector", default="yunet")
    parser.add_argument("--detector-model")
    parser.add_argument("--enlarge", type=float, default=4.0)
    parser.add_argument("--num", type=int, help="number of faces, chosen randomly")
    parser.add_argument("--grid", action="store_true")
    options = parser.parse_args()
    data = load_fer2013(options.data).subset(options.split)
    chosen = np.random.default_rng(0).permutation(len(data))[: options.num]
    images, labels = data.images[chosen], data.labels[chosen]
    model = Classifier.load(options.model)
    detector = make_detector(options.detector, model=options.detector_model)
    found = find(images, detector, options.enlarge)
    kept = np.array([each is not None for each in found])
    direct = float((model.predict_proba(images[kept], head="emotion").argmax(axis=1) == labels[kept]).mean())
    print(f"{options.split}: {kept.sum()} of {len(kept)} faces found ({kept.mean():.1%})")
    if options.grid:
        print(f"direct input {direct:.1%}; found and cropped, by margin (rows) and shift (columns):")
        grid(found, labels, model)
        return 0
    again = score(found, labels, model, model.spec.input)
    single = score(found, labels, model, model.spec.input, views=1)
    tilted = score(found, labels, model, model.spec.input, level=False)
    print("accuracy over the faces found:")
    print(f"  direct input {direct:.2%}")
    print(f"  found and cropped {again:.2%} ({len(VIEWS)} views, as analyze does), {single:.2%} (1 view)")
    print(f"  not levelled {tilted:.2%} ({len(VIEWS)} views)")
    print(f"loss {100 * (direct - again):.2f} points; the limit is {100 * LIMIT:.1f}")
    return int(options.split == "test" and direct - again > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main())
