"""Exported models in other formats; a file is kept only if its own runtime gives the same outputs as the ONNX file."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.locate import FIX, description_beside, locate
from moue.classifier.preprocess import prepare
from moue.classifier.runtime import open_session, read_network
from moue.classifier.spec import ModelSpec
from moue.data.synthetic.dataset import synthesize
from moue.errors import MoueError, SettingError
from moue.evaluation.evaluate import evaluate
from moue.files import cannot_write, refuse_existing, sha256_of
from moue.heads import EXPRESSION
from moue.training import export_litert, export_openvino, export_quantized, export_saved_model
from moue.training.export_format import FP16, FP32, INT8, Format, Source
from moue.training.export_onnx import BATCH_SIZES, MAX_DIFFERENCE, MAX_DIFFERENCE_HALF, ExportResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moue.classifier.session import Session
    from moue.data.dataset import Dataset

FORMATS: Final = {
    form.name: form
    for form in (export_quantized.FORMAT, export_litert.FORMAT, export_openvino.FORMAT, export_saved_model.FORMAT)
}
"""By name."""

MAX_LOSS: Final = 0.003
"""Largest loss of accuracy that 8 bits may cost on the validation split, as a fraction."""

_INSIDE: Final = "moue.json"
"""Name of the description inside a format that is a folder."""

_NUM_PER_CLASS: Final = 10  # drawn faces of each of 7 classes; 64 are compared


def export_network(
    model: str | Path,
    path: str | Path,
    faces: Dataset | None = None,
    *,
    weights: str = FP32,
    allow_loss: bool = False,
    overwrite: bool = False,
) -> ExportResult:
    """Convert an exported model to another format, with its description, and compare the two.

    The new file has the input and outputs of the ONNX file: `images`, float32 (N, H, W, C) with pixels 0-255 and any N,
    and all outputs under the same names.

    Args:
        model: A run folder, an ONNX file that moue made, or the name of a shipped model.
        path: ``NAME.tflite`` (LiteRT), ``NAME.xml`` (OpenVINO, with ``NAME.bin``), ``NAME.onnx`` (8 bits only), or a
            name without a suffix, for a folder (TensorFlow's SavedModel).
        faces: The data. The outputs are compared and scored on its validation split, and 8 bits are calibrated on its
            training split. Without data, the outputs are compared on drawn faces.
        weights: "fp32"; "fp16", which stores weights in 16 bits and computes in 32; or "int8", which computes in 8.
        allow_loss: Keep an 8-bit file even if it loses more than 0.3 points of accuracy.
        overwrite: Whether existing files may be replaced.

    Raises:
        MissingExtraError: a package that the format needs is not installed.
        MoueError: the format does not support these weights, 8 bits were requested without data, the model cannot be
            converted, or its outputs differ from those of the ONNX file; then no file is left.
    """
    path = Path(path)
    form = format_of(path)
    check_weights(form, weights, has_data=faces is not None)
    for file in files_of(form, path):
        refuse_existing(file, overwrite=overwrite)
    onnx = locate(model)
    if onnx.suffix.lower() != ".onnx":
        raise MoueError(f"{onnx} is already in an exported format", "a run folder, an ONNX file or a shipped model")
    training = faces.subset("train").images if faces is not None and weights == INT8 else None
    source = Source(model, onnx, ModelSpec.load(description_beside(onnx)), training)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}-", dir=path.parent) as work:
            made = Path(work) / path.name
            form.write(source, made, weights)
            result = _check(form, source, made, faces, weights=weights, allow_loss=allow_loss)
            _describe(form, source.spec, made, result, weights)
            _move(made, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    return dataclasses.replace(result, path=path)


def format_of(path: Path) -> Format:
    """Return the format that belongs to a file's suffix.

    Raises:
        SettingError: no format has this suffix.
    """
    for form in FORMATS.values():
        if form.suffix == path.suffix.lower():
            return form
    known = ", ".join(f"{form.suffix or 'no suffix'} ({form.title})" for form in FORMATS.values())
    raise SettingError(f"the output {path} has the suffix {path.suffix!r}", f"one of {known}", "Rename the output.")


def check_weights(form: Format, weights: str, *, has_data: bool) -> None:
    """Check that a format supports these weights.

    Raises:
        SettingError: it does not, or 8 bits were requested without data.
    """
    if weights not in form.weights:
        raise SettingError(f"{form.title} files with weights {weights!r:.80}", f"one of {', '.join(form.weights)}")
    if weights == INT8 and not has_data:
        raise SettingError("8 bits without data", "data with a training and a validation split", "Give it after MODEL.")


def files_of(form: Format, path: Path) -> tuple[Path, ...]:
    """Return all paths that an export writes: the file and those beside it, or the folder; the description last."""
    beside = (path.with_suffix(suffix) for suffix in form.files.values())
    return tuple(dict.fromkeys((path, *beside, description_in(form, path))))


def description_in(form: Format, path: Path) -> Path:
    """Return where the description of an exported file is."""
    return description_beside(path) if form.suffix else path / _INSIDE


def _check(
    form: Format, source: Source, made: Path, faces: Dataset | None, *, weights: str, allow_loss: bool
) -> ExportResult:
    """Compare the new file with the ONNX file; raise if it may not be kept."""
    session = form.open(made)
    difference, outputs = _compare(source, session, faces)
    most = {FP32: MAX_DIFFERENCE, FP16: MAX_DIFFERENCE_HALF}.get(weights, 1.0)
    if not difference <= most:
        raise MoueError(
            f"the {form.title} file differs from {source.onnx} by {difference:.2g}",
            f"at most {most:g}",
            "It was not kept. Export with 32 bits, or report it with the model's description.",
        )
    accuracy = {} if faces is None else _score(source, session, made, faces)
    for head, (before, after) in accuracy.items():
        if weights == INT8 and not allow_loss and before - after > MAX_LOSS:
            raise MoueError(
                f"8 bits cost {100 * (before - after):.2f} points of accuracy of {head!r} on the validation split",
                f"at most {100 * MAX_LOSS:.1f}",
                "It was not kept. Use --half, or keep it anyway with --allow-loss (allow_loss=True).",
            )
    sha256 = sha256_of(made) if made.is_file() else ""
    return ExportResult(made, sha256, outputs, difference, sum(BATCH_SIZES), accuracy)


def _compare(source: Source, session: Session, faces: Dataset | None) -> tuple[float, tuple[str, ...]]:
    """Return the largest difference over all outputs and batch sizes, and the names of the outputs."""
    images = synthesize(_NUM_PER_CLASS).images if faces is None else faces.subset("val").images
    # A tiny data set may have fewer faces than the comparison needs: repeat them.
    pixels = prepare([images[k % len(images)] for k in range(max(BATCH_SIZES))], source.spec.input)
    original = open_session(read_network(source.onnx, FIX), source.onnx, threads=1, fix=FIX)
    outputs = [output.name for output in original.get_outputs()]
    differences = []
    for size in BATCH_SIZES:
        expected = original.run(outputs, {original.get_inputs()[0].name: pixels[:size]})
        converted = session.run(outputs, {session.get_inputs()[0].name: pixels[:size]})
        differences += [float(np.abs(new - old).max()) for new, old in zip(converted, expected, strict=True)]
    # Unlike Python's max, NumPy's keeps a NaN, which must not pass.
    return float(np.max(differences)), tuple(outputs)


def _score(source: Source, session: Session, made: Path, faces: Dataset) -> dict[str, tuple[float, float]]:
    """Return the accuracy of the first head and of `expression` on the validation split, before and after."""
    models = (Classifier.load(source.onnx), Classifier(source.spec, session, made))
    before, after = (evaluate(model, faces, split="val") for model in models)
    accuracy = {source.spec.heads[0].name: (before.accuracy, after.accuracy)}
    if EXPRESSION in after.heads:
        accuracy[EXPRESSION] = (before.heads[EXPRESSION].scores.accuracy, after.heads[EXPRESSION].scores.accuracy)
    return accuracy


def _describe(form: Format, spec: ModelSpec, made: Path, result: ExportResult, weights: str) -> None:
    """Write the description of the new file."""
    checksums = {name: sha256_of(made.with_suffix(suffix)) for name, suffix in form.files.items()}
    details: dict[str, Any] = {"weights": weights, "max_difference": result.max_difference, **checksums}
    changes: dict[str, Any] = {}
    if form is FORMATS["onnx"]:
        changes["onnx_sha256"] = result.sha256
    else:
        changes["features"] = None  # class maps need the names inside the ONNX file
    if weights == INT8:
        # The scores in the source's description are those of the 32-bit model.
        details["accuracy_before"] = {head: before for head, (before, _) in result.accuracy.items()}
        after = {head: after for head, (_, after) in result.accuracy.items()}
        changes["scores"] = {"val": {"accuracy": next(iter(after.values())), "by_head": after, "num_views": 1}}
    described = dataclasses.replace(spec, **changes, extra={**spec.extra, form.name: details})
    described.save(description_in(form, made), overwrite=True)


def _move(made: Path, path: Path) -> None:
    """Move all files to their final names, the description last; loading refuses a file that does not match it."""
    parts = sorted(made.parent.iterdir(), key=lambda file: file.suffix == ".json")
    if made.is_dir() and path.exists():
        if not (path / export_saved_model.MARK).is_file() or path.is_symlink():
            raise MoueError(f"{path} is not a SavedModel", "a new name, or an earlier export")
        path.replace(made.with_name(f".{made.name}.earlier"))
    for part in parts:
        part.replace(path.parent / part.name)


def format_accuracy(accuracy: Mapping[str, tuple[float, float]]) -> str:
    """Return the accuracy after and before an export as a line of text."""
    return ", ".join(f"{head} {after:.2%} (ONNX {before:.2%})" for head, (before, after) in accuracy.items())
