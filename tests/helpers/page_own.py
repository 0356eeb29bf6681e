"""Pages with models of custom classes for the browser's tests, and the results of `moue.analyze` with these models.

    PYTHONPATH=tests python -m helpers.page_own IMAGES OUT

Writes OUT/runs/NAME (a run folder), OUT/NAME (the page with it), OUT/NAME.json (the predictions for some of IMAGES) and
OUT/NAME-why.json (the explanation of the predictions for one of them).
"""

import json
import shutil
import sys
from pathlib import Path

import moue
import moue.page
from helpers.onnx_model import save_run

LONG = "a face that looks as if somebody had asked about averylongwordwithoutanyspaceinit"
CLASSES = {
    "three": ("happy", "no_smile", "smile"),
    "hundred": (LONG, *(f"class {number}" for number in range(1, 100))),
}
NUM_IMAGES = 6


def main() -> None:
    """Write all files."""
    images, out = Path(sys.argv[1]), Path(sys.argv[2])
    shutil.rmtree(out, ignore_errors=True)
    files = sorted(images.glob("*.png"))[-NUM_IMAGES:]
    for name, classes in CLASSES.items():
        run = save_run(out / "runs" / name, class_names=classes, classes=len(classes))
        moue.page.copy(out / name, model=run)
        results = [moue.analyze(file, model=run, detector="own") for file in files]
        predictions = [one.to_dict() | {"file": file.name} for one, file in zip(results, files, strict=True)]
        (out / f"{name}.json").write_text(json.dumps(predictions), encoding="utf-8")
        why = results[-1].explain(model=run).to_dict() | {"file": files[-1].name}
        (out / f"{name}-why.json").write_text(json.dumps(why), encoding="utf-8")


if __name__ == "__main__":
    main()
