"""TensorFlow's SavedModel: a folder with the graph and its weights as constants, made from the Keras model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.session import FLOAT, Described, Tensor
from moue.quiet import silenced_stderr
from moue.training.export_format import FP32, Format, Source
from moue.training.whole_network import load_whole, trace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

MARK: Final = "saved_model.pb"
"""A folder with this file is a SavedModel."""

SIGNATURE: Final = "serving_default"


class SavedModelSession(Described):
    """A SavedModel with the interface of an ONNX Runtime session, for `Classifier`.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        import tensorflow as tf

        with silenced_stderr():
            self._loaded = tf.saved_model.load(str(path))
        self._signature = self._loaded.signatures[SIGNATURE]
        inputs = self._signature.structured_input_signature[1]
        super().__init__(_describe(inputs), _describe(self._signature.structured_outputs))

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs, like ONNX Runtime's `run`."""
        import tensorflow as tf

        outputs = self._signature(**{name: tf.constant(values) for name, values in feeds.items()})
        return [outputs[name].numpy() for name in output_names]


def _describe(specs: Mapping[str, Any]) -> list[Tensor]:
    return [
        Tensor(name, ["N" if side is None else side for side in spec.shape], FLOAT if spec.dtype == np.float32 else "")
        for name, spec in specs.items()
    ]


def _write(source: Source, path: Path, weights: str) -> None:  # noqa: ARG001 (only one kind of weights)
    function = trace(load_whole(source.model))
    import tensorflow as tf

    with silenced_stderr():
        # A module that also held the function would store the weights twice.
        tf.saved_model.save(tf.Module(), str(path), signatures={SIGNATURE: function.get_concrete_function()})


FORMAT: Final = Format(
    name="saved_model",
    title="SavedModel",
    suffix="",
    weights=(FP32,),
    write=_write,
    open=SavedModelSession,
    files={},
)
