"""Whether a model is well calibrated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.doctor.findings import Finding, Level
from moue.evaluation.metrics import score
from moue.probabilities import check_probabilities

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient

_LEAST: Final = 200
_NOTE, _PROBLEM = 0.08, 0.2


def check(patient: Patient) -> Iterator[Finding]:
    """Compare confidence with accuracy (ECE over 15 bins, Guo et al. 2017)."""
    images, judge = patient.faces, patient.judge
    if images is None or judge.labels is None:
        return
    known = judge.labels >= 0
    if known.sum() < _LEAST:
        return
    y_prob = judge.predict(images)[known]
    scores = score(judge.labels[known], check_probabilities(y_prob), judge.class_names)
    confidence = float(y_prob.max(axis=1).mean())
    values = {"ece": scores.ece, "confidence": confidence, "accuracy": scores.accuracy}
    text = f"ECE {scores.ece:.3f}: {confidence:.0%} confidence on average, {scores.accuracy:.0%} correct"
    if scores.ece < _NOTE:
        yield Finding("calibration", Level.OK, text, values=values)
        return
    level = Level.PROBLEM if scores.ece >= _PROBLEM else Level.NOTE
    much = "too confident" if confidence > scores.accuracy else "not confident enough"
    fix = f"It is {much} on faces like these: export it again with validation data that looks like yours."
    yield Finding("calibration", level, text, fix, values)
