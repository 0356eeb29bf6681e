"""`diagnose`: run all checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moue.classifier.locate import DEFAULT_MODEL
from moue.doctor.checks import (
    calibration,
    decoders,
    devices,
    framing,
    inputs,
    network,
    predictions,
    self_check,
    software,
    storage,
)
from moue.doctor.checks import weights as weight_files
from moue.doctor.findings import Diagnosis, Finding, Level
from moue.doctor.patient import Patient, read_samples
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from moue.classifier.classifier import Classifier

    Check = Callable[[Patient], Iterable[Finding]]

MACHINE: Final[tuple[Check, ...]] = (
    software.check,
    decoders.check,
    devices.check,
    storage.check,
    weight_files.check,
    self_check.check,
)
"""The checks of the machine and the installation."""

NETWORK: Final[tuple[Check, ...]] = (
    network.check,
    self_check.check,
    inputs.check,
    framing.check,
    predictions.check,
    calibration.check,
)
"""The checks of a model, and of the faces it gets."""


def diagnose(
    model: str | Path | Classifier | None = None,
    data: Any = None,  # noqa: ANN401 (a path, a Dataset, an array or a pair of arrays)
    *,
    class_names: Sequence[str] = (),
    on_bytes: Callable[[int], None] | None = None,
) -> Diagnosis:
    """Check this installation, or a model and the faces it gets.

    Without arguments, it checks packages, decoders, detectors, devices, disk, the checksums of the shipped models, and
    the whole pipeline on drawn faces. With a model or data, it checks whether the model loads, what is wrong with the
    arrays (range, layout, colours, orientation, crop), whether the model always predicts one class, the order of its
    classes, and its calibration.

    Args:
        model: As for `Classifier.load`, or a `Classifier`; by default the shipped one.
        data: Faces: a path of ``.npy``, of ``.npz`` with "images" and perhaps "labels", or of what `load_dataset`
            reads; a `Dataset`; an array as for `Classifier.predict_proba`; or (images, labels).
        class_names: The classes of the labels' numbers, if they do not follow FER2013's order.
        on_bytes: Called with the number of bytes read, for a progress bar.

    Returns:
        The findings; `Diagnosis.ok` says whether there is no problem.

    Raises:
        MoueError: `data` cannot be read at all.
    """
    if model is None and data is None:
        return Diagnosis(tuple(_run_checks(MACHINE, Patient())))
    samples = None if data is None else read_samples(data, class_names=class_names, on_bytes=on_bytes)
    return Diagnosis(tuple(_run_checks(NETWORK, Patient(DEFAULT_MODEL if model is None else model, samples))))


def _run_checks(checks: Sequence[Check], patient: Patient) -> list[Finding]:
    findings: list[Finding] = []
    for check in checks:
        # If something else is broken, the model's confidence means nothing.
        if check is calibration.check and not Diagnosis(tuple(findings)).ok:
            continue
        try:
            findings += check(patient)
        except MoueError as error:
            # One failing check must not hide the findings of the others.
            name = check.__module__.rpartition(".")[2].replace("_", "-")
            wanted = f"; expected {error.expected}" if error.expected else ""
            findings.append(Finding(name, Level.PROBLEM, error.came + wanted, error.fix))
        if check is network.check and not network.loads(patient):
            break
    return findings
