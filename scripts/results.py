"""Score the shipped models again and rewrite their cards and the table of results: `make results`.

MOUE_FER2013 names fer2013.csv, MOUE_FERPLUS fer2013new.csv.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance import write_records

from moue.classifier.classifier import Classifier
from moue.classifier.locate import shipped_models
from moue.classifier.spec import ModelSpec
from moue.data.load import load_fer2013
from moue.evaluation.model_card import measure_model, model_card, results_table
from moue.evaluation.robustness_card import KEY
from moue.files import write_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.data.dataset import Dataset

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "src" / "moue" / "weights"
PAGES = ROOT / "README.md", ROOT / "docs" / "honesty.md"  # both hold the table
SCORES = ROOT / "docs" / "scores"
MARKS = "<!-- results: made by `make results` -->", "<!-- end of results -->"
# Models that are trained but not shipped: the scores of their runs are kept in docs/scores.
RECIPES = {
    "seed_cnn": "`seed_cnn`, the baseline: 30 epochs at most, no augmentation",
    "seed_cnn_aug": "`seed_cnn_aug`: the same layers, 70 epochs, augmented, less dropout, cosine, averaged weights",
    "efficientnet": "`efficientnet`: the first four stages of EfficientNetV2-B0, 30 epochs",
    "resnet": "`resnet`: ResNet-10, a quarter as wide as usual, 30 epochs",
}


@functools.cache
def dataset() -> Dataset:
    """Return FER2013 with its votes."""
    csv, votes = (os.environ.get(name) for name in ("MOUE_FER2013", "MOUE_FERPLUS"))
    if csv is None or votes is None:
        sys.exit("set MOUE_FER2013 to the path of fer2013.csv and MOUE_FERPLUS to that of fer2013new.csv")
    return load_fer2013(csv, ferplus=votes)


def rescore(name: str) -> None:
    """Score a shipped model and write the figures into its description and its card."""
    path = WEIGHTS / f"{name}.json"
    spec = ModelSpec.load(path)
    measured = measure_model(Classifier.load(path.with_suffix(".onnx")), dataset())
    for key, figures in measured.items():
        before = spec.scores.get(key, {}).get("accuracy")
        print(f"{name} {key}: {figures['accuracy']:.4f}; was {before} in the card")
    kept = {key: spec.scores[key] for key in (KEY,) if key in spec.scores}  # measured by scripts/robustness.py
    spec = dataclasses.replace(spec, scores={"val": spec.scores["val"], **measured, **kept})
    spec.save(path, overwrite=True)
    write_text(path.with_suffix(".md"), card_of(name), overwrite=True)


def card_of(name: str) -> str:
    """Return the card of a shipped model, made from its description."""
    path = WEIGHTS / f"{name}.json"
    return model_card(name, ModelSpec.load(path), path.with_suffix(".onnx").stat().st_size)


def table() -> str:
    """Return the table of results, from the descriptions of shipped models and the kept scores."""
    rows = [*_shipped_rows(), *_kept_rows()]
    return results_table(sorted(rows, key=lambda row: -row[1]["test"]["accuracy"]))


def write_tables() -> None:
    """Put the table between its marks on every page that shows it, and update the records of licence and origin."""
    marked = f"{MARKS[0]}\n{table()}\n{MARKS[1]}"
    for page in PAGES:
        _write_table(page, marked)
        print(f"wrote {page}")
    write_records()


def _write_table(page: Path, marked: str) -> None:
    begin, end = (re.escape(mark) for mark in MARKS)
    text = page.read_text(encoding="utf-8")
    text, times = re.subn(f"{begin}.*{end}", lambda _: marked, text, flags=re.DOTALL)
    if times != 1:
        sys.exit(f"{page} has {times} places between {MARKS[0]} and {MARKS[1]}, expected one")
    write_text(page, text, overwrite=True)


def _shipped_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for name in sorted(shipped_models(), reverse=True):
        path = WEIGHTS / f"{name}.json"
        spec = ModelSpec.load(path)
        size = path.with_suffix(".onnx").stat().st_size / 1e6
        yield f"**`{name}`**, shipped, {size:.1f} MB, seed {spec.recipe['seed']}", dict(spec.scores)


def _kept_rows() -> Iterator[tuple[str, dict[str, Any]]]:
    for recipe, what in RECIPES.items():
        for path in sorted(SCORES.glob(f"{recipe}-seed*-test.json")):
            content = json.loads(path.read_text(encoding="utf-8"))
            scores = {
                "test": content["official"],
                "test_without_twins": content["without_twins"],
                "test_ferplus": content["ferplus"]["scores"],
                **{f"test_{head}": figures["scores"] for head, figures in content.get("heads", {}).items()},
            }
            # These ECE values are before temperature scaling, so they do not compare with those of shipped models.
            kept = {
                key: {name: value for name, value in figures.items() if name != "ece"}
                for key, figures in scores.items()
            }
            seed = path.name.removeprefix(f"{recipe}-seed").removesuffix("-test.json")
            yield f"{what}; seed {seed}", kept


def main() -> None:
    """Score every shipped model, then write the tables."""
    for name in shipped_models():
        rescore(name)
    write_tables()


if __name__ == "__main__":
    main()
