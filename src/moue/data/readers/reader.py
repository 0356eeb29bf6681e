"""`Reader`, which reads one kind of data, and its options."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

OnBadRow = Literal["raise", "skip"]


@dataclasses.dataclass(frozen=True)
class ReadOptions:
    """How data is read.

    Attributes:
        on_bad_row: "raise" stops at the first bad row, "skip" leaves it out and lists it in `Dataset.skipped`.
        numbering: The class of each number, if classes are numbered; empty means FER2013's order.
        on_bytes: Called regularly with the number of bytes read from the file on disk.
        cut: Maps an upright image, uint8 (H, W) or (H, W, 3) RGB, to the crop of its face; None uses whole images.
    """

    on_bad_row: OnBadRow = "raise"
    numbering: tuple[str, ...] = ()
    on_bytes: Callable[[int], None] | None = None
    cut: Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None = None


@dataclasses.dataclass(frozen=True)
class Reader:
    """One kind of data.

    Attributes:
        name: Its name.
        reads: What it reads, in words, for messages.
        order: Readers with a lower order are tried first.
        recognises: Returns quickly whether a path holds such data, judged by its content.
        read: Reads it; raises `MoueError` for anything that is wrong.
        cached: Whether its results are worth caching.
    """

    name: str
    reads: str
    order: int
    recognises: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Dataset]
    cached: bool = False
