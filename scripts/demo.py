"""From data to a report in a few minutes: `make demo`.

Trains a few epochs on the real fer2013.csv if MOUE_FER2013 names it; otherwise on synthetic faces.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from commands import moue, run_script
from PIL import Image

from moue.data.contact_sheet import contact_sheet
from moue.data.load import load_fer2013
from moue.files import replacing
from moue.labels import CLASS_NAMES

OUT = Path("runs/demo")
# Small batches, because the running means of batch normalisation need hundreds of steps to settle.
SYNTHETIC = ("--epochs", "8", "--set", "batch_size=32")
REAL = ("--epochs", "2", "--set", "batch_size=32")


def write_faces(data: Path, folder: Path) -> list[Path]:
    """Save one test face of each class as an image, and a contact sheet of the data."""
    dataset = load_fer2013(data)
    with replacing(folder / "contact_sheet.png") as temporary:
        contact_sheet(dataset).save(temporary)
    test = dataset.subset("test")
    paths = []
    for label, name in enumerate(CLASS_NAMES):
        face = test.images[test.labels == label][0, ..., 0]
        paths.append(folder / f"{name}.png")
        with replacing(paths[-1]) as temporary:
            Image.fromarray(face).save(temporary)
    return paths


def main() -> None:
    """Run every step, and print where the report is."""
    started = time.perf_counter()
    named = os.environ.get("MOUE_FER2013")
    # Removes only the results of an earlier demo.
    shutil.rmtree(OUT, ignore_errors=True)
    data = Path(named) if named else OUT / "faces.csv"
    if not named:
        print("MOUE_FER2013 is not set: the demo draws its own faces")
        moue("data", "synth", data, "--per-class", "500", "--seed", "0")
    run = OUT / "run"
    moue("data", "audit", data, "--report", OUT / "audit.html")
    moue("train", data, "--recipe", "seed_cnn", "--out", run, *(REAL if named else SYNTHETIC))
    moue("evaluate", run, data)
    moue("report", run)
    faces = write_faces(data, OUT / "faces")
    moue("predict", *faces, "--model", run, "--detector", "none", "--output", OUT / "predictions.csv")
    print(f"\nThe demo took {time.perf_counter() - started:.0f} s. Look at:")
    for path in (run / "report.html", OUT / "audit.html", OUT / "faces" / "contact_sheet.png"):
        print(f"  {path}")


if __name__ == "__main__":
    run_script(main)
