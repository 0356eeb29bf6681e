"""A model's predictions: always one class, another pixel range, or classes in another order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.preprocess import prepare
from moue.doctor.findings import Finding, Level
from moue.doctor.judge import Judge
from moue.evaluation.metrics import confusion_matrix
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.recognition.assignment import assign

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from moue.doctor.patient import Patient

MIN_FACES: Final = 30
"""Fewer faces are not enough to judge a model."""

_ALWAYS: Final = 0.9
_ORDER_GAIN: Final = 0.15
# Pixel ranges that models of other projects are often trained on.
_SCALES: Final = {"0 to 1": (1 / 255, 0.0), "-1 to 1": (1 / 127.5, -1.0)}


def check(patient: Patient) -> Iterator[Finding]:
    """Check predictions for the repaired faces, so that any fault found here is the model's own."""
    samples, images, judge = patient.samples, patient.faces, patient.judge
    if samples is None or images is None or len(images) < MIN_FACES:
        return
    y_prob = judge.predict(images)
    wrong = [*_range(judge, images, y_prob)] or [*_one_class(judge, y_prob)]
    yield from wrong
    if judge.labels is None or any(finding.level is Level.PROBLEM for finding in wrong):
        return
    yield from _unknown_classes(judge, samples.class_names)
    known = judge.labels >= 0
    if known.sum() < MIN_FACES:
        return
    permuted = _order(judge.labels[known], y_prob[known], judge.class_names)
    if permuted:
        yield _order_finding(patient, judge, images, permuted)
        return
    yield _accuracy(patient, judge, images, y_prob)


def _one_class(judge: Judge, y_prob: NDArray[np.float32]) -> Iterator[Finding]:
    counts = np.bincount(y_prob.argmax(axis=1), minlength=len(judge.class_names))
    most = int(counts.argmax())
    share, name = counts[most] / len(y_prob), judge.class_names[most]
    values = {
        "shares": {cls: round(count / len(y_prob), 4) for cls, count in zip(judge.class_names, counts, strict=True)}
    }
    labelled = 0.0 if judge.labels is None else float((judge.labels == most).mean())
    if share < _ALWAYS or labelled > _ALWAYS - 0.2:
        ranked = [f"{judge.class_names[k]} {counts[k] / len(y_prob):.0%}" for k in np.argsort(-counts)[:4]]
        yield Finding("classes", Level.OK, f"predicts {', '.join(ranked)}, …", values=values)
        return
    if np.ptp(y_prob, axis=0).max() < 0.02:
        text = f"the model predicts {name} whatever it is shown"
        fix = "It has not learned, or its input is scaled twice. Look at the curves: moue report RUN."
    else:
        text = f"the model predicts {name} for {share:.0%} of the faces" + (f"; {labelled:.0%} are" if labelled else "")
        fix = "Was it trained on pixels of another range, or on few faces of the other classes?"
    yield Finding("classes", Level.PROBLEM, text, fix, values)


def _range(judge: Judge, images: NDArray[np.uint8], y_prob: NDArray[np.float32]) -> Iterator[Finding]:
    """Try pixels in other ranges than the model's description says."""
    part = slice(0, 150)
    before = judge.verdict(y_prob[part], part)
    pixels = prepare(images[part], judge.model.input)
    for words, (factor, offset) in _SCALES.items():
        scaled = pixels * np.float32(factor) + np.float32(offset)
        after = judge.verdict(judge.model.run_prepared(scaled, head=judge.head), part)
        # Confidence alone proves nothing here: models are often confident on black images.
        if after.accuracy is not None and before.is_worse_than(after):
            text = f"the model expects pixels from {words}: predictions improve from {before.words} to {after.words}"
            fix = "moue feeds 0-255: make the scaling the first layer of the network (Rescaling), and export again."
            yield Finding("range", Level.PROBLEM, text, fix)
            return


def _unknown_classes(judge: Judge, class_names: Sequence[str]) -> Iterator[Finding]:
    unknown = [name for name in class_names if name not in judge.class_names]
    if unknown:
        text = f"the model does not know {', '.join(unknown)}: their faces are left out"
        yield Finding("classes", Level.NOTE, text)


def _order(labels: NDArray[np.int64], y_prob: NDArray[np.float32], names: Sequence[str]) -> dict[str, str]:
    """Map each class that is predicted under another class's name to that name; empty if the order is right."""
    matrix = confusion_matrix(labels, y_prob.argmax(axis=1), len(names)).astype(np.float64)
    # Ties go to the class itself, since an absent class proves nothing.
    pairs = assign(matrix + 1e-3 * np.eye(len(names)))
    gain = (sum(matrix[row, column] for row, column in pairs) - np.trace(matrix)) / len(labels)
    if gain < _ORDER_GAIN:
        return {}
    return {names[row]: names[column] for row, column in pairs if row != column}


def _order_finding(patient: Patient, judge: Judge, images: NDArray[np.uint8], permuted: dict[str, str]) -> Finding:
    real = [next((row for row, column in permuted.items() if column == name), name) for name in judge.class_names]
    swaps = [f"{row} is called {column}" for row, column in permuted.items()]
    known = _known_order(real)
    text = f"the classes are in another order: {'; '.join(swaps[:3])}{'; …' if len(swaps) > 3 else ''}"
    order = ", ".join(real)
    values: dict[str, Any] = {"order": real, "permuted": permuted}
    if not patient.is_default and _is_permuted_for_default(patient, images):
        fix = f"The labels are wrong. Pass --class-names {_label_order(patient, permuted)}"
        return Finding("order", Level.PROBLEM, f"{text} (with the shipped model too)", fix, values)
    if patient.is_default:
        fix = f"The labels are wrong. Pass --class-names {_label_order(patient, permuted)}"
        return Finding("order", Level.PROBLEM, text, fix, values)
    fix = f"Its outputs are {order}{f' ({known})' if known else ''}. Name them like that in model.json."
    return Finding("order", Level.PROBLEM, text, fix, values)


def _known_order(names: Sequence[str]) -> str:
    known = {"alphabetical": tuple(sorted(names)), "FER2013's": CLASS_NAMES}
    known["FER+'s"] = tuple(name for name in FERPLUS_NAMES if name in names)
    return next((f"{words} order" for words, order in known.items() if tuple(names) == order), "")


def _label_order(patient: Patient, permuted: dict[str, str]) -> str:
    """Return the data's class names as they should be."""
    names = patient.samples.class_names if patient.samples is not None else ()
    return ",".join(permuted.get(name, name) for name in names)


def _is_permuted_for_default(patient: Patient, images: NDArray[np.uint8]) -> bool:
    other = _second_opinion(patient)
    known = None if other.labels is None else other.labels >= 0
    if other.labels is None or known is None or known.sum() < MIN_FACES:
        return False
    return bool(_order(other.labels[known], other.predict(images)[known], other.class_names))


def _second_opinion(patient: Patient) -> Judge:
    samples = patient.samples
    return Judge(Classifier.load(), samples.labels if samples else None, samples.class_names if samples else ())


def _accuracy(patient: Patient, judge: Judge, images: NDArray[np.uint8], y_prob: NDArray[np.float32]) -> Finding:
    own = judge.verdict(y_prob)
    values: dict[str, Any] = {"accuracy": own.accuracy, "faces": len(images)}
    text = f"{own.words} on {len(images)} faces"
    if patient.is_default:
        return Finding("accuracy", Level.OK, text, values=values)
    other = _second_opinion(patient)
    verdict = other.verdict(other.predict(images))
    values["accuracy_of_default"] = verdict.accuracy
    text += f"; the shipped model: {verdict.words}"
    worse = own.accuracy is not None and verdict.accuracy is not None and own.accuracy < verdict.accuracy - 0.15
    level = Level.NOTE if worse else Level.OK
    fix = "The faces are fine: your model is worse on them." if worse else ""
    return Finding("accuracy", level, text, fix, values)
