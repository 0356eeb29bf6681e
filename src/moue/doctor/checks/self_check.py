"""The whole pipeline on drawn faces: given to the model directly, and detected in a larger image first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.doctor.checks.network import loads
from moue.doctor.drawn import drawn_faces, expected_probabilities, predict_found
from moue.doctor.findings import Finding, Level

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient

TOLERANCE: Final = {"given": 0.02, "found": 0.1}
"""How far a probability may be from the recorded one: boxes and predictions vary a little with Pillow's version."""

_MIN_RIGHT: Final = 0.5  # even a model that never saw drawings should recognise this share


def check(patient: Patient) -> Iterator[Finding]:
    """Predict the drawn faces and compare with the recorded predictions."""
    if not loads(patient):
        yield Finding("self-check", Level.NOTE, f"skipped: {patient.name} cannot be loaded")
        return
    faces, model = drawn_faces(), patient.classifier
    if not set(faces.names.tolist()) & set(model.class_names):
        text = f"skipped: the drawn faces do not show the classes of {patient.name}"
        yield Finding("self-check", Level.NOTE, text)
        return
    given = model.predict_faces(list(faces.gray))
    predictions = {"given": given.expression.astype(np.float64), "found": predict_found(model, list(faces.gray))}
    lost = int(np.isnan(predictions["found"]).any(axis=1).sum())
    if lost:
        yield _not_found(lost, int((given.not_face > model.not_face_above).sum()), len(faces.labels))
        return
    names = np.array(model.class_names)
    right = {way: int((names[y_prob.argmax(axis=1)] == faces.names).sum()) for way, y_prob in predictions.items()}
    expected = expected_probabilities(model.fingerprint)
    values: dict[str, Any] = {"faces": len(faces.labels), **{f"right_{way}": count for way, count in right.items()}}
    if expected is None:
        yield _without_record(right, values)
        return
    apart = {way: float(np.abs(predictions[way] - expected[way]).max()) for way in predictions}
    found = f"{right['found']} of {len(faces.labels)} drawn faces found and recognised"
    text = f"{found}, probabilities within {apart['found']:.3f}"
    values |= {"apart": apart}
    wrong = [way for way, most in TOLERANCE.items() if apart[way] > most]
    if wrong:
        which = wrong[0]
        text = f"drawn faces, {which}: predictions differ by up to {apart[which]:.2f}; {TOLERANCE[which]:g} is allowed"
        fix = "Install numpy, pillow, onnxruntime and moue again in a fresh environment."
        yield Finding("self-check", Level.PROBLEM, text, fix, values)
    else:
        yield Finding("self-check", Level.OK, text, values=values)


def _not_found(lost: int, refused: int, number: int) -> Finding:
    """Say why faces were lost: the detector missed them, or the model rejected them as not faces."""
    if refused >= lost:
        text = f"the model rejects {refused} of {number} drawn faces as not faces"
        return Finding("self-check", Level.NOTE, text, "Does it get pixels in the range it was trained on?")
    fix = "The detector or the decoder is broken: install moue and Pillow again."
    return Finding("self-check", Level.PROBLEM, f"{lost} of {number} drawn faces were not found", fix)


def _without_record(right: dict[str, int], values: dict[str, Any]) -> Finding:
    """Judge a model that has no recorded predictions."""
    text = f"{right['given']} of {values['faces']} drawn faces recognised, {right['found']} when detected first"
    if right["given"] >= _MIN_RIGHT * values["faces"]:
        return Finding("self-check", Level.OK, text, values=values)
    fix = "Try it on labelled photos: moue doctor MODEL DATA."
    return Finding("self-check", Level.NOTE, text, fix, values)
