"""Opening a model with the runtime for its file suffix, after checking its checksums and its shapes."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from moue.classifier import community, litert, openvino
from moue.classifier.locate import FIX, description_of
from moue.classifier.runtime import AUTO, CPU, open_session, read_network
from moue.classifier.session import FLOAT
from moue.classifier.spec import ModelSpec
from moue.errors import MoueError, SettingError
from moue.files import sha256_of
from moue.heads import EXPRESSION, NOT_FACE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.classifier.session import Session


def open_network(path: Path, *, threads: int, device: str) -> tuple[ModelSpec, Session]:
    """Return the description of a model and its session, checked against each other.

    Args:
        path: An ONNX, LiteRT or OpenVINO file that `moue.classifier.locate.locate` found.
        threads: CPU threads per prediction.
        device: As for `moue.classifier.runtime.find_device`; only ONNX files run on devices other than the CPU.

    Raises:
        MissingExtraError: the runtime is not installed.
        MoueError: a file is damaged, or the model does not match its description.
    """
    description = description_of(path)
    if community.is_community(description):
        community_spec, content = community.CommunitySpec.load(description), read_network(path, FIX)
        raw = open_session(content, path, threads=threads, fix=FIX, device=device)
        spec = community_spec.to_model_spec(hashlib.sha256(content).hexdigest())
        return spec, community.CommunitySession(raw, community_spec, path)
    spec = ModelSpec.load(description)
    # Load the same bytes that were checked: the files may change in between.
    contents = [_read_checked(file, expected, description) for file, expected in files_of(spec, path).items()]
    session = _open(contents, path, threads, device)
    check_shapes(session, spec, path)
    return spec, session


def describe_network(path: Path) -> ModelSpec:
    """Return the description of a model that `moue.classifier.locate.locate` found, without opening the model."""
    description = description_of(path)
    if community.is_community(description):
        return community.CommunitySpec.load(description).to_model_spec(sha256_of(path))
    return ModelSpec.load(description)


def files_of(spec: ModelSpec, path: Path) -> dict[Path, str]:
    """Return the files of a model, the named one first, and the SHA-256 that each must have."""
    suffix = path.suffix.lower()
    if suffix == litert.SUFFIX:
        return {path: _checksum(spec, litert.KEY, "sha256")}
    if suffix == openvino.SUFFIX:
        weights = path.with_suffix(openvino.WEIGHTS_SUFFIX)
        return {
            path: _checksum(spec, openvino.KEY, "sha256"),
            weights: _checksum(spec, openvino.KEY, "weights_sha256"),
        }
    return {path: spec.onnx_sha256}


def identity_of(spec: ModelSpec, path: Path) -> list[Any]:
    """Return what predictions depend on besides the ONNX file and the usual parts of the description."""
    checksums = list(files_of(spec, path).values())
    parts = [] if checksums == [spec.onnx_sha256] else checksums
    return [*parts, spec.extra[community.KEY]] if community.KEY in spec.extra else parts


def check_shapes(session: Session, spec: ModelSpec, path: Path) -> None:
    """Check that a model has the input and the outputs that its description names.

    Raises:
        MoueError: it does not.
    """
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise MoueError(f"{path} has {len(inputs)} inputs", "one", FIX)
    shape, kind = inputs[0].shape, inputs[0].type
    fits = len(shape) == 4 and not isinstance(shape[0], int) and same_shape(shape[1:], spec.input.shape)
    if not fits or kind != FLOAT:
        wanted = f"{FLOAT} {['N', *spec.input.shape]} with a free batch size N"
        raise MoueError(f"{path} takes {kind} {shape}", wanted, FIX)
    outputs = {output.name: output for output in session.get_outputs()}
    columns = {head.output: len(head.class_names) for head in spec.heads}
    for name, count in {**columns, EXPRESSION: len(spec.expression.class_names), NOT_FACE: 1}.items():
        output = outputs.get(name)
        if output is None:
            raise MoueError(f"{path} has no output {name!r}", f"one of {', '.join(outputs)}", FIX)
        if output.type != FLOAT or len(output.shape) != 2 or not same_shape(output.shape[1:], (count,)):
            wanted = f"{FLOAT} ['N', {count}], one column for each class"
            raise MoueError(f"output {name!r} of {path} is {output.type} {output.shape}", wanted, FIX)


def _checksum(spec: ModelSpec, key: str, name: str) -> str:
    about = spec.extra.get(key)
    return str(about.get(name)) if isinstance(about, dict) else "none"


def _read_checked(file: Path, expected: str, description: Path) -> bytes:
    content = read_network(file, FIX)
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise MoueError(f"{file} has SHA-256 {found}", f"{expected} as {description.name} says", FIX)
    return content


def _open(contents: Sequence[bytes], path: Path, threads: int, device: str) -> Session:
    suffix = path.suffix.lower()
    if suffix not in (litert.SUFFIX, openvino.SUFFIX):
        session: Session = open_session(contents[0], path, threads=threads, fix=FIX, device=device)
        return session
    if device not in (CPU, AUTO):
        kind = "a LiteRT" if suffix == litert.SUFFIX else "an OpenVINO"
        raise SettingError(f"the device {device!r} with {kind} file", f"{CPU} or {AUTO}", "Use the ONNX file.")
    if suffix == litert.SUFFIX:
        return litert.LiteRtSession(contents[0], path, threads=threads, fix=FIX)
    return openvino.OpenVinoSession(contents[0], contents[1], path, threads=threads, fix=FIX)


def same_shape(found: Sequence[Any], expected: Sequence[int]) -> bool:
    """Return whether a shape, whose free dimensions are text or None, fits the expected numbers."""
    return len(found) == len(expected) and all(
        side == number or not isinstance(side, int) for side, number in zip(found, expected, strict=True)
    )
