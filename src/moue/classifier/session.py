"""The interface of every runtime: the methods of an ONNX Runtime session that moue uses."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

FLOAT: Final = "tensor(float)"
"""ONNX Runtime's name for float32."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """An input or output, as ONNX Runtime describes them.

    Attributes:
        name: Its name.
        shape: Its dimensions; a free one is text.
        type: ``"tensor(float)"``, or the name of another type.
    """

    name: str
    shape: list[Any]
    type: str


class Described:
    """The part of a session that describes its inputs and outputs.

    Args:
        inputs: What `get_inputs` returns.
        outputs: What `get_outputs` returns.
    """

    def __init__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self._inputs, self._outputs = inputs, outputs

    def get_inputs(self) -> Sequence[Tensor]:
        """Return the inputs, as ONNX Runtime does."""
        return self._inputs

    def get_outputs(self) -> Sequence[Tensor]:
        """Return the outputs, as ONNX Runtime does."""
        return self._outputs


class Session(Protocol):
    """An opened network."""

    def get_inputs(self) -> Sequence[Any]:
        """Return its inputs, which have the attributes of `Tensor`."""

    def get_outputs(self) -> Sequence[Any]:
        """Return its outputs, which have the attributes of `Tensor`."""

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> list[NDArray[np.float32]]:
        """Return the named outputs."""
