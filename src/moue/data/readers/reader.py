"""`Reader`, one kind of data, and its options."""

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
        on_bad_row: "raise" stops at the first wrong row, "skip" leaves it out and lists it in `Dataset.skipped`.
        numbering: The class that each number stands for, where classes are numbered; empty: FER2013's order.
        on_bytes: Called now and then with the number of bytes read of the file on disk.
        cut: Maps an upright image, uint8 (H, W) or (H, W, 3) RGB, to the face in it; None takes images as faces.
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
        order: Readers of lower order are asked first.
        recognises: Whether a path holds such data; judged by content, quickly.
        read: Reads it; raises `MoueError` for anything that is wrong.
        cached: Whether what was read is worth keeping in the cache.
    """

    name: str
    reads: str
    order: int
    recognises: Callable[[Path], bool]
    read: Callable[[Path, ReadOptions], Dataset]
    cached: bool = False
