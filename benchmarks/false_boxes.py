"""False boxes of a detector on photos without a face, which were held out of its training.

    python benchmarks/false_boxes.py scenes.zip scenes.json [--detector own]

`scenes.json` holds the score of YuNet's best candidate for each image (`yunet_best`, 0 without a candidate). Uses the
images without a candidate that are in the fifth held out of training.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from moue.faces import make_detector
from moue.training.detector.material import is_held_out


def main() -> None:
    """Print the false boxes and their number."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("description", type=Path)
    parser.add_argument("--detector", default="own")
    options = parser.parse_args()
    entries = json.loads(options.description.read_text(encoding="utf-8"))
    without = {entry["file"] for entry in entries if not entry["yunet_best"]}
    detector = make_detector(options.detector)
    num_images, boxes = 0, []
    with zipfile.ZipFile(options.archive) as archive:
        for name in sorted(archive.namelist()):
            content = archive.read(name)
            if Path(name).name in without and is_held_out(content):
                num_images += 1
                image = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
                boxes += [(face.face_score, name) for face in detector.detect(image)]
    for score, name in sorted(boxes, reverse=True):
        print(f"{score:.2f}  {name}")
    print(f"{options.detector}: {len(boxes)} boxes on {num_images} images without a face")


if __name__ == "__main__":
    main()
