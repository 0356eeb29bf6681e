"""The model card of a shipped network: its figures, measured, and the page that says them."""

from __future__ import annotations

import functools
import importlib.resources
import string
from typing import TYPE_CHECKING, Any

from moue.errors import MoueError
from moue.evaluation.evaluate import evaluate
from moue.evaluation.ferplus import score_perceived
from moue.inference.answer import PERCEIVED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moue.data.dataset import Dataset
    from moue.evaluation.metrics import Scores
    from moue.inference.classifier import Classifier
    from moue.inference.spec import ModelSpec

_SETS = {
    "test": "PrivateTest, whole",
    "test_without_twins": "PrivateTest without the faces that are also in Training",
    "test_ferplus": "head `emotion` against the FER+ majority, seven classes",
    "test_perceived": "head `perceived` against the FER+ majority, eight classes",
}
_DIGITS = 5
_TEMPLATE = "card.md.tmpl"


def measure_model(classifier: Classifier, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Score a network on PrivateTest as it answers: calibrated, one view a face.

    Args:
        classifier: The network.
        dataset: All of FER2013 with its FER+ votes.

    Returns:
        By set ("test", "test_without_twins", "test_ferplus", and "test_perceived" where there is that head) the
        figures: fractions, rounded to five digits, and the recall of each class by its name.

    Raises:
        MoueError: the data lacks the split or the votes.
    """
    if dataset.votes is None:
        raise MoueError("the data has no FER+ votes", "fer2013new.csv beside it", "Give --ferplus fer2013new.csv.")
    found = evaluate(classifier.predict_proba, dataset)
    sets = {"test": found.official, "test_without_twins": found.without_twins}
    sets["test_ferplus"] = None if found.ferplus is None else found.ferplus.scores
    if any(head.name == PERCEIVED for head in classifier.spec.heads):
        perceived = score_perceived(functools.partial(classifier.predict_proba, head=PERCEIVED), dataset)
        sets["test_perceived"] = None if perceived is None else perceived.scores
    return {name: _figures(scores) for name, scores in sets.items() if scores is not None}


def model_card(name: str, spec: ModelSpec, num_bytes: int) -> str:
    """Return the model card of a shipped network as Markdown; every figure is one of `spec.scores`.

    Mitchell et al. 2019, arXiv:1810.03993.

    Args:
        name: The name it is shipped under.
        spec: Its description, with the scores of `measure_model`.
        num_bytes: Size of the ONNX file.
    """
    measured = {key: spec.scores[key] for key in _SETS if key in spec.scores}
    heads = ("scored on", "faces", "accuracy", "95 % interval", "balanced", "macro-F1", "NLL", "ECE")
    template = importlib.resources.files("moue.inference").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return string.Template(template).substitute(
        name=name,
        size=f"{num_bytes / 1e6:.1f}",
        figures=_table(heads, (_row(_SETS[key], figures) for key, figures in measured.items())),
        recall=_recall_table(measured),
        epoch=spec.scores["val"]["epoch"],
        val_accuracy=f"{100 * spec.scores['val']['accuracy']:.1f}",
        provenance=spec.provenance,
        recipe=spec.recipe["recipe"],
        seed=spec.recipe["seed"],
        num_train=f"{sum(spec.data['counts']['train'].values()):,}",
        checksum=spec.data["checksum"][:16],
        heads=", ".join(f"`{head.name}` (temperature {head.temperature:.2f})" for head in spec.heads),
        share=f"{100 * spec.photographs.perceived_share:.0f}",
        temperature=f"{spec.photographs.temperature:.2f}",
        weights=_weights(spec),
        not_face=f"{100 * spec.photographs.not_face_above:.0f}",
        licence="\n".join(f"- {what}: {terms}" for what, terms in spec.license.items()),
    )


def results_table(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Return the README's table of results.

    Args:
        rows: Of each model what it is, and its sets of figures as `measure_model` returns them; missing ones are left
            empty.
    """
    heads = ("", "PrivateTest", "without the 288 twins", "FER+ of 7", "FER+ of 8 (`perceived`)", "ECE")
    cells = []
    for what, sets in rows:
        accuracies = [f"{100 * sets[key]['accuracy']:.1f}" if key in sets else "" for key in _SETS]
        ece = sets["test"].get("ece")
        cells.append((what, *accuracies, "" if ece is None else f"{ece:.3f}"))
    return _table(heads, cells)


def _figures(scores: Scores) -> dict[str, Any]:
    names = ("accuracy", "balanced_accuracy", "macro_f1", "top2", "nll", "ece")
    return {
        "num_faces": scores.num_faces,
        "num_views": 1,
        **{name: round(getattr(scores, name), _DIGITS) for name in names},
        "accuracy_interval": [round(limit, _DIGITS) for limit in scores.accuracy_interval],
        "recall": {entry.name: round(entry.recall, _DIGITS) for entry in scores.per_class},
    }


def _row(what: str, figures: Mapping[str, Any]) -> tuple[str, ...]:
    low, high = figures["accuracy_interval"]
    return (
        what,
        f"{figures['num_faces']:,}",
        f"{100 * figures['accuracy']:.1f} %",
        f"{100 * low:.1f}-{100 * high:.1f} %",
        f"{100 * figures['balanced_accuracy']:.1f} %",
        f"{figures['macro_f1']:.3f}",
        f"{figures['nll']:.3f}",
        f"{figures['ece']:.3f}",
    )


def _recall_table(measured: Mapping[str, Mapping[str, Any]]) -> str:
    names = list(dict.fromkeys(name for figures in measured.values() for name in figures["recall"]))
    rows = (
        (_SETS[key], *(f"{100 * figures['recall'][name]:.0f} %" if name in figures["recall"] else "" for name in names))
        for key, figures in measured.items()
    )
    return _table(("", *names), rows)


def _weights(spec: ModelSpec) -> str:
    weights = spec.photographs.class_weights
    pairs = zip(spec.head().class_names, weights, strict=True) if weights else ()
    return ", ".join(f"{name} {weight:.2f}" for name, weight in pairs) or "by nothing"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(['---'] * len(heads))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
