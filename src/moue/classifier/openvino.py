"""OpenVINO: runs a pair of files ``NAME.xml`` and ``NAME.bin`` behind the methods of an ONNX Runtime session."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.session import FLOAT, Described, Tensor
from moue.errors import MissingExtraError, MoueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

KEY: Final = "openvino"
"""The key in `ModelSpec.extra` under which such a file is described."""

SUFFIX: Final = ".xml"
WEIGHTS_SUFFIX: Final = ".bin"


class OpenVinoSession(Described):
    """An OpenVINO model that `Classifier` uses like an ONNX Runtime session; several threads may share it.

    Args:
        graph: The bytes of the ``.xml`` file.
        weights: The bytes of the ``.bin`` file.
        path: The ``.xml`` file, for messages.
        threads: CPU threads per prediction.
        fix: The advice in the message of an error.

    Raises:
        MissingExtraError: openvino is not installed.
        MoueError: OpenVINO cannot load the model.
    """

    def __init__(self, graph: bytes, weights: bytes, path: Path, *, threads: int, fix: str) -> None:
        core = import_openvino().Core()
        # Otherwise some processors compute in 16 bits, and the outputs differ from those of the ONNX file.
        settings = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
        try:
            compiled = core.compile_model(core.read_model(graph, weights), "CPU", settings)
        except Exception as error:
            raise MoueError(
                f"OpenVINO cannot load {path}: {error}", "files of moue export --format openvino", fix
            ) from error
        # If the conversion merged two outputs, the result has both names.
        outputs = [_describe(port, name) for port in compiled.outputs for name in sorted(port.get_names())]
        super().__init__([_describe(port, port.get_any_name()) for port in compiled.inputs], outputs)
        self._request = compiled.create_infer_request()
        # A request has only one set of buffers.
        self._lock = threading.Lock()

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs, as ONNX Runtime does."""
        with self._lock:
            outputs = self._request.infer(dict(feeds))
        return [outputs[name] for name in output_names]


def import_openvino() -> Any:  # noqa: ANN401 (openvino has no types)
    """Return the package openvino.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("openvino", "openvino") from error
    return openvino


def _describe(port: Any, name: str) -> Tensor:  # noqa: ANN401 (openvino has no types)
    return Tensor(
        name,
        ["N" if side.is_dynamic else side.get_length() for side in port.partial_shape],
        FLOAT if port.element_type.to_dtype() == np.float32 else str(port.element_type.get_type_name()),
    )
