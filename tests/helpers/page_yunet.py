"""The page with YuNet for the browser's tests, and the results of `moue.analyze` with YuNet.

    PYTHONPATH=tests python -m helpers.page_yunet IMAGES OUT

Writes OUT/page (the page), OUT/expected.json (the predictions for IMAGES and for some rotated images) and those rotated
images. Writes nothing if YuNet is not available.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
from PIL import Image

import moue
import moue.page
from moue.faces.registry import detectors

TURNED = 3
MAX_PIXELS = 400_000


def main() -> None:
    """Write all files."""
    images, out = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(out, ignore_errors=True)
    if not detectors()["yunet"].available():
        sys.stdout.write("YuNet is not here, so the page is not tested with it. Get it with: moue download yunet\n")
        return
    moue.page.copy(out / "page", detector="yunet")
    results = [moue.analyze(file, detector="yunet") for file in sorted(images.glob("*.png"))]
    large = [one for one in results if one.width * one.height < MAX_PIXELS and one.height > 200]
    best = sorted(large, key=lambda one: -max((face.face_score for face in one.faces), default=0.0))
    for turns, upright in enumerate(best[:TURNED], start=1):
        file = out / f"turned-{turns}.png"
        Image.fromarray(np.rot90(np.asarray(Image.open(upright.file)), turns)).save(file)
        results.append(moue.analyze(file, detector="yunet"))
    predictions = [one.to_dict() | {"file": Path(one.file).name} for one in results]
    (out / "expected.json").write_text(json.dumps(predictions), encoding="utf-8")
    faces = sum(len(one.faces) for one in results)
    sys.stdout.write(f"{len(results)} images with {faces} faces, and the page with YuNet, in {out}\n")


if __name__ == "__main__":
    main()
