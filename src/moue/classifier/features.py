"""Where the last feature map is in an ONNX file; class activation maps are computed from it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.classifier import checks
from moue.classifier.checks import FIX
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LAYOUTS: Final = ("NCHW", "NHWC")
_GRAPH, _OUTPUT, _NAME = 7, 12, 1  # fields of ONNX's ModelProto, GraphProto and ValueInfoProto
_LENGTH_FOLLOWS: Final = 2
_MAX_SHIFT: Final = 1.0


@dataclasses.dataclass(frozen=True)
class FeatureSpec:
    """Tensor names in the ONNX file of a network that ends in global average pooling and one dense layer.

    Attributes:
        output: The features before the pooling.
        layout: ``"NCHW"`` or ``"NHWC"``.
        layers: Maps each head to the names of its weights (C, K) and its bias (K,).
        shift: How far each cell of the map lies to the right of and below the tile of the input with the same row and
            column, as a fraction of the tile's side. Strided convolutions pad one side only, which causes the shift.
    """

    output: str
    layout: str
    layers: Mapping[str, tuple[str, str]]
    shift: float = 0.0

    def __post_init__(self) -> None:
        pairs: list[Any] = list(self.layers.values())
        in_pairs = bool(pairs) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in pairs)
        names = [self.output, *(name for pair in pairs for name in pair)] if in_pairs else [""]
        if not all(map(checks.is_word, names)) or self.layout not in LAYOUTS:
            raise MoueError(f"features is {self!r:.200}", "names of tensors, as moue writes them", FIX)
        checks.check_number("features.shift", self.shift, -_MAX_SHIFT, _MAX_SHIFT)

    @classmethod
    def from_dict(cls, content: object) -> FeatureSpec:
        """Read what `to_dict` returns.

        Raises:
            MoueError: something is missing or wrong.
        """
        content = checks.need_object(content, "features")
        layers = checks.need_object(checks.need(content, "layers", "features"), "features.layers")
        pairs = {head: tuple(pair) if isinstance(pair, list) else pair for head, pair in layers.items()}
        output, layout, shift = (checks.need(content, key, "features") for key in ("output", "layout", "shift"))
        return cls(output, layout, pairs, shift)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        layers = {head: list(pair) for head, pair in self.layers.items()}
        return {"output": self.output, "layout": self.layout, "layers": layers, "shift": self.shift}


def with_outputs(content: bytes, names: Sequence[str]) -> bytes:
    """Return an ONNX file with more of its tensors as outputs; the package onnx is not needed.

    Concatenated protocol buffers are read as one message, with lists joined. So this appends a model that holds
    nothing but the names of outputs.

    Args:
        content: The bytes of the file.
        names: Tensors in the file: results of nodes, or constants.
    """
    graph = b"".join(_field(_OUTPUT, _field(_NAME, name.encode())) for name in names)
    return content + _field(_GRAPH, graph)


def _field(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | _LENGTH_FOLLOWS) + _varint(len(payload)) + payload


def _varint(number: int) -> bytes:
    """Encode seven bits per byte, lowest first; the eighth bit says that more bytes follow."""
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
