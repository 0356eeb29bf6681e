"""LiteRT (formerly TensorFlow Lite): runs a ``.tflite`` file behind the methods of an ONNX Runtime session."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.session import FLOAT, Described, Tensor
from moue.errors import MissingExtraError, MoueError
from moue.quiet import silenced_stderr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

KEY: Final = "litert"
"""The key in `ModelSpec.extra` under which such a file is described."""

SUFFIX: Final = ".tflite"
SIGNATURE: Final = "serving_default"


class LiteRtSession(Described):
    """A ``.tflite`` file that `Classifier` uses like an ONNX Runtime session; several threads may share it.

    Args:
        content: The bytes of the file.
        path: Where they came from, for messages.
        threads: CPU threads per prediction.
        fix: The advice in the message of an error.

    Raises:
        MissingExtraError: ai-edge-litert is not installed.
        MoueError: LiteRT cannot load the file, or it has no signature.
    """

    def __init__(self, content: bytes, path: Path, *, threads: int, fix: str) -> None:
        try:
            from ai_edge_litert.interpreter import Interpreter
        except ImportError as error:
            raise MissingExtraError("ai-edge-litert", "litert") from error
        try:
            with silenced_stderr():  # LiteRT logs the name of its delegate
                self._interpreter = Interpreter(model_content=content, num_threads=threads)
                self._runner = self._interpreter.get_signature_runner(SIGNATURE)
        except Exception as error:
            raise MoueError(
                f"LiteRT cannot load {path}: {error}", "a file of moue export --format litert", fix
            ) from error
        super().__init__(_describe(self._runner.get_input_details()), _describe(self._runner.get_output_details()))
        # An interpreter has only one set of buffers.
        self._lock = threading.Lock()

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs, as ONNX Runtime does."""
        with self._lock, silenced_stderr():
            outputs = self._runner(**feeds)
        return [outputs[name] for name in output_names]


def _describe(details: Mapping[str, Mapping[str, Any]]) -> list[Tensor]:
    return [
        Tensor(
            name,
            ["N" if side < 0 else int(side) for side in about["shape_signature"]],
            FLOAT if about["dtype"] == np.float32 else np.dtype(about["dtype"]).name,
        )
        for name, about in details.items()
    ]
