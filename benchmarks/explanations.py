"""Check that the maps show the evidence for a prediction: deletion and insertion curves on FER2013's PublicTest.

Run: python benchmarks/explanations.py FER2013 [--num 200] [--occlusion-num 60] [--figure docs/images/explanations.png]
     python benchmarks/explanations.py --example docs/images/why.png      # ten drawn faces, explained
     python benchmarks/explanations.py FER2013 --faces why-real.png           # ten real ones, not to be published

Parts of a face are covered (deletion) or uncovered (insertion) in the order of a map, strongest first; covered parts
show the blurred face. The area under the curve of the predicted class's probability measures the order: low is good for
deletion, high for insertion (Petsiuk et al. 2018, arXiv:1806.07421). The class map is compared with orders that do not
depend on the face: random maps of equal smoothness, and the distance from the centre.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageFilter

from moue.classifier.classifier import Classifier
from moue.classifier.maps import CLASS_MAP, OCCLUSION, face_maps
from moue.data.load import load_fer2013
from moue.doctor.drawn import drawn_faces
from moue.drawing.evidence import stretched
from moue.labels import CLASS_NAMES
from moue.recognition.explain import Explanation, explain

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHARES = np.linspace(0, 1, 11)
BLUR = 6.0  # pixels of 48


def curves(
    model: Classifier, faces: NDArray[np.uint8], predicted: NDArray[np.int64], orders: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return deletion and insertion, (11,) each: mean probability of the predicted classes by share (un)covered."""
    hidden = np.stack([np.asarray(Image.fromarray(face).filter(ImageFilter.GaussianBlur(BLUR))) for face in faces])
    rank = (-orders.reshape(len(faces), -1)).argsort(axis=1, kind="stable").argsort(axis=1).reshape(faces.shape)
    curve: dict[bool, list[float]] = {True: [], False: []}
    for share in SHARES:
        strongest = rank < share * rank[0].size
        for deletes, points in curve.items():
            seen = np.where(strongest == deletes, hidden, faces)
            y_prob = model.predict_faces(seen[..., None]).expression
            points.append(float(y_prob[np.arange(len(predicted)), predicted].mean()))
    return np.array(curve[True]), np.array(curve[False])


def main() -> None:
    """Measure the curves, or write sheets of maps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--example", type=Path)
    parser.add_argument("--faces", type=Path)
    parser.add_argument("--model", default="small")
    parser.add_argument("--num", type=int, default=200)
    parser.add_argument("--occlusion-num", type=int, default=60, help="81 predictions each")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    if options.example:
        example(options.example)
    if options.faces:
        validation = load_fer2013(options.data).subset("val")
        chosen = np.random.default_rng(0).choice(len(validation), 10, replace=False)
        explain_all(validation.images[chosen, ..., 0], options.faces)
    elif options.data:
        measure(options)


def example(path: Path) -> None:
    """Explain drawn faces, which may be published: one per class, then a second one of some classes."""
    drawn = drawn_faces()
    places = {name: np.flatnonzero(drawn.names == name) for name in CLASS_NAMES}
    shown = [int(places[name][0]) for name in CLASS_NAMES] + [int(places[name][1]) for name in CLASS_NAMES[:3]]
    explain_all(drawn.color[shown], path)


def explain_all(images: NDArray[np.uint8], path: Path) -> None:
    """Write the maps of faces on one sheet."""
    faces = tuple(face for image in images for face in explain(image, detector="none").faces)
    Explanation("", faces).save(path, overwrite=True, size=160)


def measure(options: argparse.Namespace) -> None:
    """Measure the curves, print the areas below them, and draw the figure."""
    model = Classifier.load(options.model)
    validation = load_fer2013(options.data).subset("val")
    chosen = np.random.default_rng(0).choice(len(validation), options.num, replace=False)
    faces = validation.images[chosen, ..., 0]
    predicted = model.predict_faces(faces[..., None]).expression.argmax(axis=1)
    size, rng = (faces.shape[2], faces.shape[1]), np.random.default_rng(1)
    axis = np.linspace(-1, 1, size[0])
    maps = face_maps(model, list(faces), method=CLASS_MAP)
    few = options.occlusion_num
    covered = face_maps(model, list(faces[:few]), method=OCCLUSION)
    orders: dict[str, NDArray[Any]] = {
        "class map": np.stack([stretched(face.evidence, size, face.shift) for face in maps]),
        "random": np.stack([stretched(rng.normal(size=face.evidence.shape), size, 0.0) for face in maps]),
        "centre": np.broadcast_to(-(axis[:, None] ** 2 + axis[None] ** 2), faces.shape),
    }
    results = {name: curves(model, faces, predicted, order) for name, order in orders.items()}
    order = np.stack([stretched(face.evidence, size, 0.0) for face in covered])
    results[f"occlusion ({few} faces)"] = curves(model, faces[:few], predicted[:few], order)
    results[f"class map ({few} faces)"] = curves(model, faces[:few], predicted[:few], orders["class map"][:few])
    print(f"{len(faces)} PublicTest faces, {options.model}, probability of the predicted class")
    print("| order | deletion (low is good) | insertion (high is good) |\n|---|---|---|")
    for name, (deletion, insertion) in results.items():
        print(f"| {name} | {np.trapezoid(deletion, SHARES):.3f} | {np.trapezoid(insertion, SHARES):.3f} |")
    if options.figure:
        draw(results, options.figure)


def draw(results: dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]], path: Path) -> None:
    """Draw both kinds of curves for the orders that were measured on all faces."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
    styles = {"class map": ("#d55e00", "-"), "centre": ("#0072b2", "--"), "random": ("#777777", ":")}
    for axis, title, kind in zip(
        axes, ("deletion: cover the strongest", "insertion: show the strongest"), (0, 1), strict=True
    ):
        for name, (color, line) in styles.items():
            axis.plot(100 * SHARES, results[name][kind], line, color=color, label=name, linewidth=2)
        axis.set(title=title, xlabel="share of the face (%)", ylim=(0, 1))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("probability of the predicted class")
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
