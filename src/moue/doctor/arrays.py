"""Arrays of faces that `predict_proba` does not take: what is wrong with them, and how to repair them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

FIRST_CHANNELS: Final = (1, 3, 4)
_SKIN: Final = 0.7  # share of the faces that must be bluer than red
_MAX_STANDARD: Final = 12.0


@dataclasses.dataclass(frozen=True)
class Fault:
    """Something wrong with an array.

    Attributes:
        text: What is wrong.
        fix: The line of Python that repairs it.
    """

    text: str
    fix: str


@dataclasses.dataclass(frozen=True, eq=False)
class Repaired:
    """An array after all repairs that were possible.

    Attributes:
        images: uint8 (N, H, W, 1 or 3), or None if nothing helps.
        faults: What was wrong, in the order of the repairs.
    """

    images: NDArray[np.uint8] | None
    faults: tuple[Fault, ...]


def repair(array: NDArray[Any]) -> Repaired:
    """Convert an array to uint8 (N, H, W, 1 or 3), and report what was wrong with it.

    Args:
        array: Faces of any shape, type and range.
    """
    faults: list[Fault] = []
    if array.dtype.kind not in "fiub" or not array.size:
        fault = Fault(
            f"the images are {array.dtype} {array.shape}",
            "Pass one array of equally large faces: uint8 (N, H, W, 3).",
        )
        return Repaired(None, (fault,))
    for step in (_layout, _range):
        changed = step(array)
        if changed is not None:
            array, fault = changed
            faults.append(fault)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3):
        return Repaired(
            None, (*faults, Fault(f"the images have shape {array.shape}", "Expected (N, H, W, 1) or (N, H, W, 3)."))
        )
    return Repaired(np.ascontiguousarray(array), tuple(faults))


def _layout(array: NDArray[Any]) -> tuple[NDArray[Any], Fault] | None:
    """Repair flattened faces, channels that come first, and an alpha channel."""
    shape = array.shape
    if array.ndim == 2 and round(shape[1] ** 0.5) ** 2 == shape[1]:
        side = round(shape[1] ** 0.5)
        fix = f"images.reshape(-1, {side}, {side}, 1)"
        return array.reshape(-1, side, side, 1), Fault(f"the faces are flattened: {shape}", fix)
    if array.ndim == 4 and shape[1] in FIRST_CHANNELS and shape[3] not in FIRST_CHANNELS:
        moved = array.transpose(0, 2, 3, 1)
        return moved[..., :3], Fault(f"the channels come first: {shape}", "images.transpose(0, 2, 3, 1)")
    if array.ndim == 4 and shape[3] == 4:
        return array[..., :3], Fault("the images have an alpha channel", "images[..., :3]")
    return None


def _range(array: NDArray[Any]) -> tuple[NDArray[np.uint8], Fault] | None:
    """Repair pixels that are not whole numbers from 0 to 255."""
    values: NDArray[Any] = np.nan_to_num(array) if array.dtype.kind == "f" else array
    low, high = float(values.min()), float(values.max())
    if array.dtype == np.uint8 and high > 1:
        return None
    what = f"the pixels are {array.dtype} from {low:.3g} to {high:.3g}"
    repaired, words, fix = _rescaled(values, low, high)
    if array.dtype == np.uint8:
        words = "they were cast from 0-1 to integers, which leaves only black and white"
        fix += " before the cast"
    return np.clip(np.rint(repaired), 0, 255).astype(np.uint8), Fault(f"{what}: {words}", fix)


def _rescaled(values: NDArray[Any], low: float, high: float) -> tuple[NDArray[Any], str, str]:
    """Return the pixels in 0-255, what had been done to them, and the code that undoes it."""
    if low >= 0 and high <= 1:
        return values * 255.0, "scaled to 0-1", "np.rint(images * 255).astype(np.uint8)"
    if low >= -1 and high <= 1:
        return (values + 1.0) * 127.5, "scaled to -1 to 1", "np.rint((images + 1) * 127.5).astype(np.uint8)"
    if low >= 0 and high <= 255:
        return values, "not uint8", "np.rint(images).astype(np.uint8)"
    if low >= 0:
        bits = int(np.ceil(np.log2(high + 1)))
        return np.floor(values / 2.0 ** (bits - 8)), f"{bits} bits", f"(images >> {bits - 8}).astype(np.uint8)"
    if max(-low, high) <= _MAX_STANDARD:
        fix = "np.rint(images * std + mean).astype(np.uint8), with the values that were removed"
        return (values - low) * (255.0 / (high - low)), "mean and standard deviation were removed", fix
    return values, "some are below 0", "np.clip(images, 0, 255).astype(np.uint8)"


def looks_bgr(images: NDArray[np.uint8]) -> bool:
    """Return whether most faces, uint8 (N, H, W, C), are bluer than red in the middle: skin never is."""
    if images.shape[3] != 3:
        return False
    height, width = images.shape[1:3]
    middle = images[:, height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None].astype(np.float64)
    red, blue = middle[..., 0].mean(axis=(1, 2)), middle[..., 2].mean(axis=(1, 2))
    return bool((blue > red + 2).mean() > _SKIN)


def turns() -> Iterator[tuple[str, str, int, bool]]:
    """Yield the possible orientations of an image: name, code that undoes it, quarter turns back, whether mirrored."""
    for mirrored in (False, True):
        for quarter in range(4):
            name, undo = _TURNS[mirrored, quarter]
            yield name, undo, quarter, mirrored


_TURNS: Final = {
    (False, 0): ("", ""),
    (False, 1): ("rotated by 90 degrees clockwise", "np.rot90(images, 1, (1, 2))"),
    (False, 2): ("upside down (rotated by 180 degrees)", "np.rot90(images, 2, (1, 2))"),
    (False, 3): ("rotated by 90 degrees anticlockwise", "np.rot90(images, 3, (1, 2))"),
    (True, 0): ("mirrored left to right", "images[:, :, ::-1]"),
    (True, 1): ("rotated by 90 degrees and mirrored", "np.rot90(images, 2, (1, 2)).swapaxes(1, 2)"),
    (True, 2): ("flipped upside down", "images[:, ::-1]"),
    (True, 3): ("transposed: rows and columns are swapped", "images.swapaxes(1, 2)"),
}


def turned_back(images: NDArray[Any], quarter: int, *, mirrored: bool) -> NDArray[Any]:
    """Return images (N, H, W, …) turned back by quarter turns, then mirrored if `mirrored`."""
    back = np.rot90(images, quarter, (1, 2))
    return np.ascontiguousarray(back[:, :, ::-1] if mirrored else back)
