"""Record the predictions of the shipped models for the faces of the doctor's self-check: python scripts/drawn_faces.py.

Run it after a shipped model has changed. `--redraw` also chooses and draws the faces again: for each class, the two of
120 synthetic faces that the default model predicts with the most confidence after detecting them.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from moue.classifier.classifier import Classifier
from moue.classifier.locate import shipped_models
from moue.data.synthetic.dataset import synthesize
from moue.doctor.drawn import EXPECTED, STRIP, drawn_faces, predict_found
from moue.files import read_json, replacing, write_json
from moue.labels import CLASS_NAMES

PER_CLASS = 2
CANDIDATES = 120


def main() -> None:
    """Draw the faces if asked to, then record the predictions."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redraw", action="store_true", help="choose and draw the faces again")
    if parser.parse_args().redraw:
        redraw()
    record()


def redraw() -> None:
    """Write the image: one gray strip of faces, in class order."""
    drawn = synthesize(CANDIDATES, seed=0)
    y_prob = Classifier.load().predict_faces(drawn.images).expression
    chosen: list[int] = []
    for label in range(len(CLASS_NAMES)):
        own = np.flatnonzero(drawn.labels == label)
        best = own[np.argsort(-y_prob[own, label], kind="stable")[: 4 * PER_CLASS]]
        found = predict_found(Classifier.load(), [drawn.images[k, ..., 0] for k in best])
        chosen += [int(best[k]) for k in np.argsort(-found[:, label], kind="stable")[:PER_CLASS]]
    strip = np.concatenate([drawn.images[k, ..., 0] for k in chosen], axis=1)
    with replacing(STRIP) as temporary:
        Image.fromarray(strip).save(temporary, optimize=True)
    write_json(EXPECTED, {"labels": [CLASS_NAMES[drawn.labels[k]] for k in chosen], "expected": {}})


def record() -> None:
    """Write the predictions of all shipped models."""
    content = read_json(EXPECTED)
    faces = drawn_faces()
    content["expected"] = {}
    for name in shipped_models():
        model = Classifier.load(name)
        given = model.predict_faces(list(faces.gray)).expression
        found = predict_found(model, list(faces.gray))
        correct = [int((np.asarray(y_prob).argmax(axis=1) == faces.labels).sum()) for y_prob in (given, found)]
        sys.stdout.write(
            f"{name}: {correct[0]} of {len(faces.labels)} correct when given, {correct[1]} when detected first\n"
        )
        content["expected"][model.fingerprint] = {
            "name": name,
            "given": np.round(given.astype(float), 4).tolist(),
            "found": np.round(found, 4).tolist(),
        }
    write_json(EXPECTED, content)
    sys.stdout.write(f"wrote {Path(EXPECTED)}\n")


if __name__ == "__main__":
    main()
