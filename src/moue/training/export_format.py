"""`Format`: what a format of exported networks is, and what a file in it is made from."""

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
    """An exported network that is to be written in another format.

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
    """A format of exported networks.

    Attributes:
        name: ``"litert"``, as the command line calls it; the description of a file tells of the file under it.
        title: ``"LiteRT"``, as people call it.
        suffix: That of its file; empty for a folder.
        weights: The kinds of weights that it can have: `FP32`, `FP16`, `INT8`.
        write: Writes a network to a path with these weights.
        open: Opens what `write` wrote with the format's own runtime.
        files: The suffix of each file whose checksum is kept, by the name that it is kept under.
    """

    name: str
    title: str
    suffix: str
    weights: tuple[str, ...]
    write: Callable[[Source, Path, str], None]
    open: Callable[[Path], Session]
    files: Mapping[str, str]
