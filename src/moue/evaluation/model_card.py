"""The model card of a shipped model: measuring its scores, and writing the page."""

from __future__ import annotations

import dataclasses
import importlib.resources
import string
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.evaluation.metrics import score
from moue.evaluation.robustness_card import robustness_section
from moue.heads import EMOTION, EXPRESSION, PERCEIVED, reference_for_expression
from moue.votes import majority_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from moue.classifier.classifier import Classifier
    from moue.classifier.spec import ModelSpec
    from moue.data.dataset import Dataset
    from moue.evaluation.metrics import Scores

_SETS: Final = {
    "test": "`emotion`, FER2013's label",
    "test_without_twins": "… without the faces that are also in Training",
    "test_ferplus": "`emotion`, FER+ majority, seven classes",
    "test_perceived": "`perceived`, FER+ majority, eight classes",
    "test_perceived_without_twins": "… without the faces that are also in Training",
    "test_expression": "`expression`, FER+ majority, seven classes",
    "test_expression_without_twins": "… without the faces that are also in Training",
}
_IN_README: Final = ("test", "test_without_twins", "test_ferplus", "test_perceived", "test_expression")
_DIGITS: Final = 5
_TEMPLATE: Final = "model_card.md.tmpl"


def measure_model(classifier: Classifier, dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Score every output of a model on PrivateTest as it is shipped: calibrated, one view per face.

    Args:
        classifier: The model.
        dataset: All of FER2013 with its FER+ votes.

    Returns:
        The scores by set (those of the card's first table that this model has): fractions, rounded to five digits,
        and the recall of each class by its name. The head "perceived" has no `nll` and `ece`: it is calibrated to
        single votes, but is scored against majorities.

    Raises:
        MoueError: the data lacks the split or the votes.
    """
    part = dataset.where("test")
    if dataset.votes is None or not len(part):
        raise MoueError("the data has no test faces with FER+ votes", "fer2013.csv and fer2013new.csv")
    faces = dataset.take(part)
    outputs = classifier.predict_heads(faces.images, batch_size=256)
    emotion = EMOTION.reference(faces, outputs[EMOTION.name])
    majority = dataclasses.replace(emotion, y_true=majority_labels(dataset.votes[part], dataset.class_names))
    references = {"test": emotion, "test_ferplus": majority}
    if PERCEIVED.name in outputs:
        references["test_perceived"] = PERCEIVED.reference(faces, outputs[PERCEIVED.name])
    references["test_expression"] = reference_for_expression(faces, outputs[EXPRESSION])
    no_twin = ~dataset.has_twin("test")
    measured = {}
    for key, reference in references.items():
        known = reference.y_true >= 0
        for name, mask in ((key, known), (f"{key}_without_twins", known & no_twin)):
            if name in _SETS:
                scores = score(reference.y_true[mask], reference.y_prob[mask], reference.class_names)
                measured[name] = _figures(scores)
        if key == "test_perceived":
            for name in (key, f"{key}_without_twins"):
                del measured[name]["nll"], measured[name]["ece"]
    return {name: measured[name] for name in _SETS if name in measured}


def model_card(name: str, spec: ModelSpec, num_bytes: int) -> str:
    """Return the model card of a shipped model as Markdown; every number comes from `spec.scores`.

    Mitchell et al. 2019, arXiv:1810.03993.

    Args:
        name: The name of the shipped model.
        spec: Its description, with the scores of `measure_model`.
        num_bytes: Size of the ONNX file.
    """
    measured = {key: spec.scores[key] for key in _SETS if key in spec.scores}
    heads = ("scored on", "faces", "accuracy", "95 % interval", "balanced", "macro-F1", "NLL", "ECE")
    template = importlib.resources.files("moue.evaluation").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return string.Template(template).substitute(
        name=name,
        size=f"{num_bytes / 1e6:.1f}",
        figures=_table(heads, (_row(_SETS[key], figures) for key, figures in measured.items())),
        recall=_recall_table(measured),
        robustness=robustness_section(spec),
        epoch=spec.scores["val"]["epoch"],
        val_accuracy=f"{100 * spec.scores['val']['accuracy']:.1f}",
        provenance=spec.provenance,
        recipe=spec.recipe["recipe"],
        seed=spec.recipe["seed"],
        num_train=f"{sum(spec.data['counts']['train'].values()):,}",
        checksum=spec.data["checksum"][:16],
        heads=", ".join(f"`{head.name}` (temperature {head.temperature:.2f})" for head in spec.heads),
        expression=_origin_of_expression(spec),
        not_face=f"{100 * spec.expression.not_face_above:.0f}",
        licence="\n".join(f"- {what}: {terms}" for what, terms in spec.license.items()),
    )


def stated_scores(spec: ModelSpec) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the sets of scores in a description, each with what it was scored on, in words."""
    return [(_SETS[key].replace("`", ""), spec.scores[key]) for key in _SETS if _is_complete(spec.scores.get(key))]


def _is_complete(figures: object) -> bool:
    needed = ("num_faces", "accuracy", "balanced_accuracy", "macro_f1")
    return isinstance(figures, dict) and all(isinstance(figures.get(name), int | float) for name in needed)


def results_table(rows: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Return the README's table of results.

    Args:
        rows: For each model, its description and its sets of scores as `measure_model` returns them; the cell of a
            missing set is empty.
    """
    heads = (
        *("", "PrivateTest", "without the 288 twins", "FER+ of 7 (`emotion`)", "FER+ of 8 (`perceived`)"),
        *("FER+ of 7 (`expression`)", "ECE"),
    )
    cells = []
    for what, sets in rows:
        accuracies = [f"{100 * sets[key]['accuracy']:.1f}" if key in sets else "" for key in _IN_README]
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
        *(f"{figures[key]:.3f}" if key in figures else "" for key in ("nll", "ece")),
    )


def _recall_table(measured: Mapping[str, Mapping[str, Any]]) -> str:
    measured = {key: figures for key, figures in measured.items() if not key.endswith("_without_twins")}
    names = list(dict.fromkeys(name for figures in measured.values() for name in figures["recall"]))
    rows = (
        (_SETS[key], *(f"{100 * figures['recall'][name]:.0f} %" if name in figures["recall"] else "" for name in names))
        for key, figures in measured.items()
    )
    return _table(("", *names), rows)


def _origin_of_expression(spec: ModelSpec) -> str:
    if "expression" not in spec.data:
        return "the calibrated output of `emotion`"
    size = f"{len(spec.expression.class_names)} x {sum(len(rows[0]) for rows in spec.expression.weights.values())}"
    return f"a layer of {size} weights over the logarithms of their probabilities, fitted to {spec.data['expression']}"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(heads)} |", f"|{'|'.join(['---'] * len(heads))}|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
