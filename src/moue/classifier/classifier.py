"""`Classifier`: an exported network and its description, run by ONNX Runtime."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.preprocess import iter_batches
from moue.classifier.spec import ModelSpec
from moue.errors import MoueError
from moue.probabilities import apply_temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.classifier.preprocess import Images
    from moue.classifier.spec import HeadSpec

_WEIGHTS: Final = Path(__file__).parents[1] / "weights"
DEFAULT_MODEL: Final = "small"
"""The network that answers where none is named."""
_FIX: Final = "Export the model again, or copy both files anew."
_MAX_THREADS: Final = 8  # a 48x48 network gains nothing from more


class Classifier:
    """A network that names the expression of face pictures; make it with `Classifier.load`.

    Attributes:
        spec: The description beside the network.
        path: The ONNX file.
    """

    def __init__(self, spec: ModelSpec, session: Any, path: Path) -> None:  # noqa: ANN401 (onnxruntime has no types)
        self.spec = spec
        self.path = path
        self._session = session
        self._input = session.get_inputs()[0].name

    def __repr__(self) -> str:
        return f"Classifier({self.spec.name!r} from {self.path})"

    @classmethod
    def load(cls, name_or_path: str | Path = DEFAULT_MODEL, *, threads: int | None = None) -> Classifier:
        """Load a network and check it against its description.

        Args:
            name_or_path: A run folder (with ``model.onnx`` and ``model.json``), an ONNX file (``NAME.onnx`` with
                ``NAME.json`` beside it), or the name of a network that moue ships, by default "small".
            threads: CPU threads of one prediction; None takes the CPUs that this process may use, 8 at most.

        Raises:
            MoueError: a file is missing or damaged, the ONNX file is not the one described, or its inputs and outputs
                are not as described.
        """
        if threads is not None and threads < 1:
            raise MoueError(f"threads is {threads}", "1 or more")
        path = _locate(name_or_path)
        spec = ModelSpec.load(path.with_suffix(".json"))
        try:
            content = path.read_bytes()
        except OSError as error:
            raise MoueError(f"cannot read {path}: {error.strerror}", "an ONNX file", _FIX) from error
        # The very bytes that were checked are loaded.
        found = hashlib.sha256(content).hexdigest()
        if found != spec.onnx_sha256:
            raise MoueError(
                f"{path} has SHA-256 {found}", f"{spec.onnx_sha256} as {path.with_suffix('.json').name} says", _FIX
            )
        session = _open_session(content, path, threads or _default_threads())
        _check_shapes(session, spec, path)
        return cls(spec, session, path)

    def class_names(self, head: str = "emotion") -> tuple[str, ...]:
        """Return the names of a head's classes, in the order of `predict_proba`'s columns.

        Raises:
            MoueError: the network has no such head.
        """
        return self.spec.head(head).class_names

    def predict_proba(
        self, images: Images, *, head: str = "emotion", calibrated: bool = True, batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Return the probability of each class for each face.

        Args:
            images: uint8 pixels, 0-255, any size, gray or RGB: one picture, a batch or a list, as
                `moue.classifier.preprocess.prepare` reads them.
            head: Which of the network's answers.
            calibrated: Apply the head's temperature (Guo et al. 2017, arXiv:1706.04599); False gives what the
                network says.
            batch_size: Faces per run of the network; the result does not depend on it beyond rounding.

        Returns:
            float32 (N, K), rows sum to 1; (0, K) for zero faces.

        Raises:
            MoueError: unknown head, pictures that `prepare` refuses, or a network that gives no probabilities.
        """
        return self._predict(images, (self.spec.head(head),), batch_size, calibrated=calibrated)[head]

    def predict_heads(
        self, images: Images, *, calibrated: bool = True, batch_size: int = 64
    ) -> dict[str, NDArray[np.float32]]:
        """Return what `predict_proba` does for every head, by its name, in one pass."""
        return self._predict(images, self.spec.heads, batch_size, calibrated=calibrated)

    def _predict(
        self, images: Images, heads: tuple[HeadSpec, ...], batch_size: int, *, calibrated: bool
    ) -> dict[str, NDArray[np.float32]]:
        parts = [self._run(batch, heads) for batch in iter_batches(images, self.spec.input, batch_size)]
        result: dict[str, NDArray[np.float32]] = {}
        for k, head in enumerate(heads):
            answers = [part[k] for part in parts]
            y_prob = np.concatenate(answers) if answers else np.zeros((0, len(head.class_names)), np.float32)
            if calibrated and head.temperature != 1.0 and len(y_prob):
                y_prob = apply_temperature(y_prob, head.temperature).astype(np.float32)
            result[head.name] = y_prob
        return result

    def run_prepared(self, batch: NDArray[np.float32], *, head: str = "emotion") -> NDArray[np.float32]:
        """Return the bare network's answer, without preparation and calibration; for comparing and timing.

        Args:
            batch: float32 (N, height, width, 1), 0-255, N of 1 or more, as `prepare` returns.
            head: Which of the network's answers.

        Returns:
            float32 (N, K), rows sum to 1.

        Raises:
            MoueError: unknown head, or the network gives no probabilities.
        """
        return self._run(batch, (self.spec.head(head),))[0]

    def _run(self, batch: NDArray[np.float32], heads: tuple[HeadSpec, ...]) -> list[NDArray[np.float32]]:
        answers: list[NDArray[np.float32]] = self._session.run([head.output for head in heads], {self._input: batch})
        for head, y_prob in zip(heads, answers, strict=True):
            expected = (len(batch), len(head.class_names))
            if y_prob.shape != expected:
                raise MoueError(f"{self.path} answers {y_prob.shape} to {len(batch)} faces", str(expected), _FIX)
            sums = y_prob.sum(axis=1, keepdims=True)
            if not (y_prob.min() >= 0 and np.abs(sums - 1).max() < 1e-3):  # NaN fails too
                raise MoueError(
                    f"output {head.output!r} of {self.path} gives no probabilities",
                    "values of 0 or more that sum to 1",
                    "Export a network that ends in softmax and whose training did not diverge.",
                )
        return answers


def shipped_models() -> tuple[str, ...]:
    """Return the names that `Classifier.load` knows without a path, sorted."""
    return tuple(sorted(path.stem for path in _WEIGHTS.glob("*.onnx")))


def _locate(name_or_path: str | Path) -> Path:
    """Return the ONNX file; its description is beside it with the suffix ``.json``."""
    path = Path(name_or_path)
    if path.is_dir():
        onnx = path / "model.onnx"
        fix = "Is the training still running? Otherwise export the run." if not onnx.exists() else ""
    elif path.suffix.lower() == ".onnx":
        onnx, fix = path, "Check the name."
    elif path.exists():
        raise MoueError(f"{path} is not an ONNX file", "a run folder or NAME.onnx with NAME.json beside it")
    elif str(name_or_path) in shipped_models():
        return _WEIGHTS / f"{name_or_path}.onnx"
    else:
        known = ", ".join(shipped_models())
        raise MoueError(
            f"there is no model {str(name_or_path)!r}",
            f"a run folder, an ONNX file or a known name ({known})",
            "Train one with: moue train fer2013.csv --out RUN, then give the folder RUN.",
        )
    for file in (onnx, onnx.with_suffix(".json")):
        if not file.is_file():
            raise MoueError(f"{file} does not exist", f"{onnx.name} and {onnx.with_suffix('.json').name}", fix or _FIX)
    return onnx


def _default_threads() -> int:
    # A container often grants fewer CPUs than the machine has.
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MAX_THREADS)


def _open_session(content: bytes, path: Path, threads: int) -> Any:  # noqa: ANN401 (onnxruntime has no types)
    try:
        import onnxruntime as ort  # takes 0.1 s; most commands do without
    except ImportError as error:
        raise MoueError(f"onnxruntime cannot be imported: {error}", fix="pip install onnxruntime") from error
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors only
    # Threads that wait for the next batch should sleep, not spin.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise MoueError(f"ONNX Runtime cannot load {path}: {error}", "a valid ONNX file", _FIX) from error


def _check_shapes(session: Any, spec: ModelSpec, path: Path) -> None:  # noqa: ANN401 (onnxruntime has no types)
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise MoueError(f"{path} has {len(inputs)} inputs", "one", _FIX)
    shape, kind = inputs[0].shape, inputs[0].type
    fits = len(shape) == 4 and not isinstance(shape[0], int) and _same(shape[1:], spec.input.shape)
    if not fits or kind != "tensor(float)":
        wanted = f"tensor(float) {['N', *spec.input.shape]} with a free batch size N"
        raise MoueError(f"{path} takes {kind} {shape}", wanted, _FIX)
    outputs = {output.name: output for output in session.get_outputs()}
    for head in spec.heads:
        output = outputs.get(head.output)
        if output is None:
            raise MoueError(f"{path} has no output {head.output!r}", f"one of {', '.join(outputs)}", _FIX)
        classes = len(head.class_names)
        if output.type != "tensor(float)" or len(output.shape) != 2 or not _same(output.shape[1:], (classes,)):
            wanted = f"tensor(float) ['N', {classes}], one column for each class"
            raise MoueError(f"output {head.output!r} of {path} is {output.type} {output.shape}", wanted, _FIX)


def _same(found: list[Any], expected: tuple[int, ...]) -> bool:
    """Compare an ONNX shape, whose free sides are text or None, with numbers."""
    return len(found) == len(expected) and all(
        side == number or not isinstance(side, int) for side, number in zip(found, expected, strict=True)
    )
