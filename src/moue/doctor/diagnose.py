"""`diagnose`: ask all checks."""

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
"""What is asked about the machine and the installation."""

NETWORK: Final[tuple[Check, ...]] = (
    network.check,
    self_check.check,
    inputs.check,
    framing.check,
    predictions.check,
    calibration.check,
)
"""What is asked about a network, and about the faces it is given."""


def diagnose(
    model: str | Path | Classifier | None = None,
    data: Any = None,  # noqa: ANN401 (a path, a Dataset, an array or a pair of arrays)
    *,
    class_names: Sequence[str] = (),
    on_bytes: Callable[[int], None] | None = None,
) -> Diagnosis:
    """Check this installation, or a network and the faces it is given.

    Without arguments: packages, decoders, detectors, devices, disk, the checksums of the shipped networks, and drawn
    faces through the whole way from pixels to names. With a network or data: whether the network loads, what is wrong
    with the arrays (range, layout, colours, orientation, crop), whether it always names one class, in which order its
    classes come, and whether its confidence can be believed.

    Args:
        model: As for `Classifier.load`, or a `Classifier`; by default the shipped one.
        data: Faces: a path of ``.npy``, of ``.npz`` with "images" and perhaps "labels", or of what `load_dataset`
            reads; a `Dataset`; an array as you would give it to `Classifier.predict_proba`; or (images, labels).
        class_names: What the labels' numbers stand for, where they do not follow FER2013's order.
        on_bytes: Called with the bytes read, for a progress bar.

    Returns:
        The findings; `Diagnosis.ok` says whether there is no problem.

    Raises:
        MoueError: `data` cannot be read at all.
    """
    if model is None and data is None:
        return Diagnosis(tuple(_ask(MACHINE, Patient())))
    samples = None if data is None else read_samples(data, class_names=class_names, on_bytes=on_bytes)
    return Diagnosis(tuple(_ask(NETWORK, Patient(DEFAULT_MODEL if model is None else model, samples))))


def _ask(checks: Sequence[Check], patient: Patient) -> list[Finding]:
    found: list[Finding] = []
    for check in checks:
        # While something else is broken, the network's confidence means nothing.
        if check is calibration.check and not Diagnosis(tuple(found)).ok:
            continue
        try:
            found += check(patient)
        except MoueError as error:
            # One broken part must not hide what is wrong with the others.
            name = check.__module__.rpartition(".")[2].replace("_", "-")
            wanted = f"; expected {error.expected}" if error.expected else ""
            found.append(Finding(name, Level.PROBLEM, error.came + wanted, error.fix))
        if check is network.check and not network.loads(patient):
            break
    return found
