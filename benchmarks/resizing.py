"""Compare ways of resizing a large face to 48x48: which keeps the predictions of the 48x48 original?

PublicTest's faces are enlarged with a better filter than any candidate's, get a little noise as from a camera, and are
resized to 48x48 by each candidate. The predictions are compared with those of the originals, and with the labels. With
`--photos`, also crops the faces of labelled photos by their boxes.

    python benchmarks/resizing.py fer2013.csv --ferplus fer2013new.csv [--photos labels.json]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageFilter, ImageOps

import moue
from moue.media.pixels import to_gray

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

SIDE: Final = 48
TIMES: Final = (1.5, 2.5, 4.0, 8.0)
SHARPEN: Final = 0.07


def pillow(filter_: Image.Resampling) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Return a candidate that resizes with Pillow, which averages over the area of each output pixel."""
    return lambda face: np.asarray(Image.fromarray(face).resize((SIDE, SIDE), filter_))


def sampled(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize as the starting point does: interpolate four input pixels for each output pixel."""
    import cv2

    small: NDArray[np.uint8] = cv2.resize(face, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
    return small


def crisp(face: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Resize as the crop of a detected face does: Lanczos, then slight sharpening."""
    edge = -SHARPEN
    kernel = ImageFilter.Kernel((3, 3), (0, edge, 0, edge, 1 + 4 * SHARPEN, edge, 0, edge, 0), scale=1)
    return np.asarray(Image.fromarray(face).resize((SIDE, SIDE), Image.Resampling.LANCZOS).filter(kernel))


CANDIDATES: Final[dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    "cv2.resize INTER_LINEAR (no averaging)": sampled,
    "box": pillow(Image.Resampling.BOX),
    "bilinear, averaging": pillow(Image.Resampling.BILINEAR),
    "hamming": pillow(Image.Resampling.HAMMING),
    "bicubic": pillow(Image.Resampling.BICUBIC),
    "lanczos": pillow(Image.Resampling.LANCZOS),
    "lanczos, sharpened": crisp,
}


def enlarged(face: NDArray[np.uint8], times: float, noise: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a face (48, 48) enlarged with a windowed sinc; `noise` is the standard deviation in gray levels."""
    side = round(SIDE * times)
    large = np.asarray(Image.fromarray(face).resize((side, side), Image.Resampling.LANCZOS), np.float32)
    return np.clip(np.rint(large + rng.normal(0, noise, large.shape)), 0, 255).astype(np.uint8)


def nll(y_prob: NDArray[np.float32], labels: NDArray[np.integer]) -> float:
    """Return the mean negative log-likelihood."""
    return float(-np.log(np.maximum(y_prob[np.arange(len(labels)), labels], 1e-7)).mean())


def on_faces(options: argparse.Namespace, model: moue.Classifier) -> None:
    """Print the table for PublicTest."""
    data = moue.load_fer2013(options.csv, ferplus=options.ferplus).subset("val")
    faces, labels = data.images[: options.faces, ..., 0], data.labels[: options.faces].astype(np.int64)
    original = model.predict_proba(faces[..., None], head="emotion")
    print(f"{len(faces)} PublicTest faces; the originals: NLL {nll(original, labels):.4f}")
    print(f"{'enlarged':>9}  {'resized by':40} {'gray levels':>11} {'other classes':>13} {'NLL':>7} {'accuracy':>8}")
    for times in TIMES:
        rng = np.random.default_rng(0)
        large = [enlarged(face, times, options.noise, rng) for face in faces]
        for name, resize in CANDIDATES.items():
            small = np.stack([resize(face) for face in large])
            y_prob = model.predict_proba(small[..., None], head="emotion")
            levels = float(np.abs(small.astype(int) - faces).mean())
            other = float((y_prob.argmax(1) != original.argmax(1)).mean())
            right = float((y_prob.argmax(1) == labels).mean())
            print(f"{times:>8}x  {name:40} {levels:>11.2f} {other:>13.1%} {nll(y_prob, labels):>7.4f} {right:>8.1%}")


def on_photos(path: Path, model: moue.Classifier) -> None:
    """Print how many clear expressions in labelled photos are predicted correctly, with one square crop per box."""
    names, squares = [], []
    for entry in json.loads(path.read_text(encoding="utf-8")):
        image = ImageOps.exif_transpose(Image.open(path.parent / entry["file"])).convert("RGB")
        for face in entry["faces"]:
            if face.get("expression") in model.spec.head("emotion").class_names:
                x, y, width, height = face["box"]
                side = (width * height) ** 0.5 * (1 + model.spec.input.crop_margin)
                left, top = x + width / 2 - side / 2, y + height / 2 - side / 2
                square = image.crop((round(left), round(top), round(left + side), round(top + side)))
                names.append(face["expression"])
                squares.append(to_gray(np.asarray(square)))
    sides = [len(square) for square in squares]
    print(f"\n{len(names)} faces in photos, {min(sides)} to {max(sides)} pixels")
    for name, resize in CANDIDATES.items():
        small = np.stack([resize(square) for square in squares])[..., None]
        y_prob = model.predict_proba(small)
        classes = model.class_names
        right = sum(classes[k] == wanted for k, wanted in zip(y_prob.argmax(1), names, strict=True))
        loss = nll(y_prob, np.array([classes.index(name) for name in names]))
        print(f"  {name:40} {right:>3} correct, NLL {loss:.3f}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("--ferplus", type=Path)
    parser.add_argument("--photos", type=Path, help="labels.json in a folder of photos")
    parser.add_argument("--model", default="small")
    parser.add_argument("--faces", type=int, default=3589)
    parser.add_argument("--noise", type=float, default=3.0, help="standard deviation in gray levels")
    options = parser.parse_args()
    model = moue.Classifier.load(options.model)
    on_faces(options, model)
    if options.photos:
        on_photos(options.photos, model)


if __name__ == "__main__":
    main()
