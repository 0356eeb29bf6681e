"""Whether a model loads, and how it crops faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from moue.classifier.input_spec import InputSpec
from moue.classifier.spec import VERSION
from moue.doctor.findings import Finding, Level
from moue.errors import MoueError
from moue.files import read_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from moue.doctor.patient import Patient

_FOREIGN: Final = {
    **dict.fromkeys((".h5", ".hdf5", ".keras"), "a Keras file"),
    **dict.fromkeys((".pt", ".pth", ".pkl"), "a PyTorch file"),
}
_FAR: Final = 0.1  # as a fraction of the face's size


def loads(patient: Patient) -> bool:
    """Return whether the model can be loaded."""
    try:
        return patient.classifier is not None
    except MoueError:
        return False


def check(patient: Patient) -> Iterator[Finding]:
    """Load the model; explain files of an old version or of another format."""
    try:
        model = patient.classifier
    except MoueError as error:
        yield _explained(patient, error)
        return
    trained = model.spec.versions.get("moue")
    by = f", made by moue {trained}" if trained else ""
    heads = ", ".join(head.name for head in model.spec.heads)
    yield Finding("model", Level.OK, f"{patient.name}: {model.spec.name}, heads {heads}{by}")
    here, usual = model.input, InputSpec()
    if abs(here.crop_margin - usual.crop_margin) > _FAR or abs(here.crop_shift - usual.crop_shift) > _FAR:
        text = (
            f"crop_margin {here.crop_margin:g} and crop_shift {here.crop_shift:g}; "
            f"FER2013's faces are cropped with {usual.crop_margin:g} and {usual.crop_shift:g}"
        )
        fix = "Correct only if the model was trained on faces cropped like this. Otherwise edit model.json."
        yield Finding("crop", Level.NOTE, text, fix)


def _explained(patient: Patient, error: MoueError) -> Finding:
    path = Path(str(patient.model))
    kind = _FOREIGN.get(path.suffix.lower())
    if kind is not None and path.is_file():
        text = f"{path} is {kind}; moue runs ONNX files with a JSON file beside them"
        return Finding("model", Level.PROBLEM, text, "Train or fine-tune with moue, or export: moue export RUN DATA.")
    version = _version(path)
    if isinstance(version, int) and version < VERSION:
        text = f"an old model file: {path} has version {version}, but this moue reads version {VERSION}"
        return Finding("model", Level.PROBLEM, text, "Export the run again: moue export RUN fer2013.csv")
    wanted = f"; expected {error.expected}" if error.expected else ""
    return Finding("model", Level.PROBLEM, error.came + wanted, error.fix)


def _version(path: Path) -> object:
    file = path / "model.json" if path.is_dir() else path.with_suffix(".json")
    try:
        content = read_json(file)
    except MoueError:
        return None
    return content.get("version") if isinstance(content, dict) else None
