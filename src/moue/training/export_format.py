"""`Format`: a file format for exported models, and `Source`, the model that is converted to it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.classifier.session import Session
    from moue.classifier.spec import ModelSpec

FP32: Final = "fp32"
FP16: Final = "fp16"
INT8: Final = "int8"


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """An exported model to be converted to another format.

    Attributes:
        model: As for `moue.Classifier.load`.
        onnx: Its ONNX file.
        spec: Its description.
        training: Faces of the training split, uint8 (n, H, W, C); None without data.
    """

    model: str | Path
    onnx: Path
    spec: ModelSpec
    training: NDArray[np.uint8] | None = None


@dataclasses.dataclass(frozen=True)
class Format:
    """A file format for exported models.

    Attributes:
        name: Name on the command line and key in the description, e.g. ``"litert"``.
        title: Name in prose, e.g. ``"LiteRT"``.
        suffix: Suffix of the file; empty for a folder.
        weights: The supported kinds of weights: `FP32`, `FP16`, `INT8`.
        write: Writes a model to a path with these weights.
        open: Opens the written file with the format's own runtime.
        files: Maps the key of each checksum in the description to the suffix of the file.
    """

    name: str
    title: str
    suffix: str
    weights: tuple[str, ...]
    write: Callable[[Source, Path, str], None]
    open: Callable[[Path], Session]
    files: Mapping[str, str]
