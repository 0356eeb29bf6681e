"""How often a detector sees a face on photographs that hold none and that its training never saw.

    python benchmarks/false_boxes.py scenes.zip scenes.json [--detector own]

`scenes.json` says for each image how sure YuNet is of its best candidate (`yunet_best`, 0 where there is none at all);
those without any are taken, of them the fifth that is held out of training.
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
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path)
    parser.add_argument("description", type=Path)
    parser.add_argument("--detector", default="own")
    options = parser.parse_args()
    entries = json.loads(options.description.read_text(encoding="utf-8"))
    without = {entry["file"] for entry in entries if not entry["yunet_best"]}
    detector = make_detector(options.detector)
    num_images, found = 0, []
    with zipfile.ZipFile(options.archive) as archive:
        for name in sorted(archive.namelist()):
            content = archive.read(name)
            if Path(name).name in without and is_held_out(content):
                num_images += 1
                image = np.asarray(Image.open(BytesIO(content)).convert("RGB"))
                found += [(face.face_score, name) for face in detector.detect(image)]
    for score, name in sorted(found, reverse=True):
        print(f"{score:.2f}  {name}")
    print(f"{options.detector}: {len(found)} boxes on {num_images} images without a face")


if __name__ == "__main__":
    main()
