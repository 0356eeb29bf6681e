"""Write the results of `moue evaluate MODEL DATA --robustness` into the model card, the docs page and its figures.

Run: python scripts/robustness.py small EVALUATION     the card of a shipped model and docs/robustness.md
     python scripts/robustness.py reference WHAT EVALUATION…  the errors that the mean corruption error is relative to
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from results import WEIGHTS, card_of

from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.spec import ModelSpec
from moue.evaluation.canvas import save_figure
from moue.evaluation.corruption_errors import REFERENCE_NAME, Reference
from moue.evaluation.corruptions import list_corruptions
from moue.evaluation.evaluation import Evaluation
from moue.evaluation.robustness_card import KEY, robustness_summary
from moue.evaluation.robustness_figures import corruptions_figure, selective_figure, slices_figure
from moue.evaluation.robustness_table import robustness_lines
from moue.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.evaluation.robustness import Robustness

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "robustness.md"
PACKAGE = Path(__file__).parents[1] / "src" / "moue" / "evaluation"
BEGIN, END = "<!-- figures: made by scripts/robustness.py -->", "<!-- end of figures -->"
_DIGITS = 5


def load_robustness(folder: str) -> tuple[Evaluation, Robustness]:
    """Load an evaluation and its robustness."""
    evaluation = Evaluation.load(folder)
    if evaluation.robustness is None:
        sys.exit(f"{folder} was made without --robustness")
    return evaluation, evaluation.robustness


def write_card(name: str, folder: str) -> None:
    """Write the results into the description and the card; for the default model, into the docs page too."""
    _, robustness = load_robustness(folder)
    path = WEIGHTS / f"{name}.json"
    spec = ModelSpec.load(path)
    scores = {**spec.scores, KEY: robustness_summary(robustness, spec.onnx_sha256)}
    dataclasses.replace(spec, scores=scores).save(path, overwrite=True)
    write_text(path.with_suffix(".md"), card_of(name), overwrite=True)
    if name == DEFAULT_MODEL:
        write_page(robustness)


def write_page(robustness: Robustness) -> None:
    """Write the results of the default model into the docs page, and draw its figures."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    write_text(PAGE, f"{before}{BEGIN}\n```text\n{robustness_lines(robustness)}\n```\n{END}{after}", overwrite=True)
    images = DOCS / "images"
    save_figure(corruptions_figure(robustness), images / "robustness_corruptions.png")
    save_figure(slices_figure(robustness.slices), images / "robustness_slices.png")
    save_figure(selective_figure(robustness), images / "robustness_selective.png")


def write_references(what: str, folders: Sequence[str]) -> None:
    """Write the reference of each evaluated split."""
    references = []
    for folder in folders:
        evaluation, robustness = load_robustness(folder)
        first = next(iter(robustness.clean))
        errors = {entry.corruption: entry.errors for entry in robustness.corruptions if entry.output == first}
        rounded = {name: tuple(round(error, _DIGITS) for error in errors[name]) for name in list_corruptions()}
        references.append(
            Reference(
                what=what,
                command=evaluation.command,
                checksum=evaluation.checksum,
                split=evaluation.split,
                clean=round(robustness.clean[first], _DIGITS),
                errors=rounded,
            )
        )
    text = json.dumps([dataclasses.asdict(reference) for reference in references], indent=1)
    write_text(PACKAGE / REFERENCE_NAME, text + "\n", overwrite=True)


def main() -> None:
    """Write a card, or the references if the first argument is `reference`."""
    if sys.argv[1] == "reference":
        write_references(sys.argv[2], sys.argv[3:])
    else:
        write_card(sys.argv[1], sys.argv[2])


if __name__ == "__main__":
    main()
