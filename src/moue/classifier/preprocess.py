"""From arrays of faces to the model's input: interprets shapes, then `moue.media.pixels` makes them gray and resizes.

Scaling to 0-1 is a layer inside the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from moue.classifier.input_spec import InputSpec
from moue.errors import MoueError, SettingError
from moue.media.pixels import fit_gray, fit_rgb, to_gray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Images: TypeAlias = NDArray[Any] | Sequence[NDArray[Any]]
    """An image, a batch, or a list of images: see `prepare`."""

SEED_INPUT: Final = InputSpec()
"""48x48 gray, as FER2013."""

_CHUNK = 64
_KINDS = "uint8 gray (H, W) or (H, W, 1), RGB (H, W, 3), or a batch or list of them"


def prepare(images: Images, spec: InputSpec = SEED_INPUT) -> NDArray[np.float32]:
    """Return the model's input for any face images.

    An array is read by its shape: (H, W) is one gray image; (H, W, 1) and (H, W, 3) are one image; any other
    (N, H, W) is a batch of gray images; (N, H, W, 1) and (N, H, W, 3) are batches. A batch of gray images 1 to 4
    pixels wide must therefore be given with its channel axis. The images of a list may differ in size and kind.

    Args:
        images: uint8 pixels, 0-255; colours as RGB. Nothing is cropped: each image is one face.
        spec: The model's input.

    Returns:
        float32 (N, height, width, channels), 0-255; N is 1 for a single image and 0 for an empty batch or list.

    Raises:
        MoueError: the pixels are not uint8 (floats in 0-1 are the usual case), an image is empty, or its shape is none
            of the above.
    """
    batches = list(iter_batches(images, spec, _CHUNK))
    if len(batches) == 1:
        return batches[0]
    return np.concatenate([np.zeros((0, *spec.shape), np.float32), *batches])


def iter_batches(images: Images, spec: InputSpec = SEED_INPUT, batch_size: int = 64) -> Iterator[NDArray[np.float32]]:
    """Yield what `prepare` returns in batches of at most `batch_size`; nothing for zero images.

    The images are checked before the first batch.

    Raises:
        MoueError: as `prepare`, or `batch_size` is below 1.
    """
    if batch_size < 1:
        raise SettingError(f"batch_size is {batch_size}", "1 or more")
    checked = _checked(images)
    for start in range(0, len(checked), batch_size):
        part = checked[start : start + batch_size]
        if isinstance(part, np.ndarray):
            yield _fit_all(part, spec).astype(np.float32)
        else:
            yield np.concatenate([_fit_all(image[None], spec) for image in part]).astype(np.float32)


def fit(image: NDArray[np.uint8], spec: InputSpec = SEED_INPUT) -> NDArray[np.uint8]:
    """Return one image as the model sees it, still as uint8 to save memory.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3) RGB.
        spec: The model's input.

    Returns:
        uint8 (height, width, channels), 0-255.

    Raises:
        MoueError: as `prepare`.
    """
    checked: NDArray[np.uint8] = _checked([image])[0]
    return _fit_one(checked, spec)


def _fit_one(image: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    return (fit_gray if spec.channels == 1 else fit_rgb)(image, (spec.height, spec.width))


def _fit_all(images: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """(N, H, W, 1 or 3) to (N, height, width, channels)."""
    if images.shape[1:] == spec.shape:
        return images
    if images.shape[1:3] == spec.shape[:2] and spec.channels == 1:
        return to_gray(images)[..., None]
    return (
        np.stack([_fit_one(image, spec) for image in images]) if len(images) else np.zeros((0, *spec.shape), np.uint8)
    )


def _checked(images: Images) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
    """Return a batch (N, H, W, C) or a list of images (H, W, C), C 1 or 3, all uint8."""
    if isinstance(images, np.ndarray):
        _refuse_flat_rows(images)
        return _as_batch(images)
    if not isinstance(images, list | tuple):
        raise MoueError(f"images is a {type(images).__name__}", _KINDS, _fix_for_type(images))
    result: list[NDArray[np.uint8]] = []
    for index, image in enumerate(images):
        if not isinstance(image, np.ndarray):
            raise MoueError(f"images[{index}] is a {type(image).__name__}", _KINDS, _fix_for_type(image))
        if image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3)):
            result.append(_as_batch(image, f"images[{index}]")[0])
        else:
            raise MoueError(
                f"images[{index}] has shape {image.shape}", "(H, W), (H, W, 1) or (H, W, 3)", _fix_for_shape(image)
            )
    return result


def _refuse_flat_rows(array: NDArray[Any]) -> None:
    """Refuse (N, 2304), the usual shape of faces read from fer2013.csv, which would count as one wide image."""
    if array.ndim == 2 and array.shape[1] == SEED_INPUT.height * SEED_INPUT.width:
        raise MoueError(
            f"images has shape {array.shape}: flattened faces, or one gray image {array.shape[1]} pixels wide",
            _KINDS,
            "For faces of 48x48: images.reshape(-1, 48, 48, 1). For one image: images[None, ..., None].",
        )


def _as_batch(array: NDArray[Any], name: str = "images") -> NDArray[np.uint8]:
    _check_pixels(array, name)
    shape = array.shape
    if array.ndim == 2:
        batch = array[None, :, :, None]
    elif array.ndim == 3 and shape[2] in (1, 3):
        batch = array[None]
    elif array.ndim == 3 and shape[2] not in (2, 4):
        batch = array[..., None]
    elif array.ndim == 4 and shape[3] in (1, 3):
        batch = array
    else:
        raise MoueError(f"{name} has shape {shape}", _KINDS, _fix_for_shape(array))
    if 0 in batch.shape[1:3]:
        raise MoueError(f"{name} has shape {shape}: images without pixels", "a height and a width of 1 or more")
    return batch


def _check_pixels(array: NDArray[Any], name: str) -> None:
    if array.dtype == np.uint8:
        return
    came, fix = f"{name} is {array.dtype}", "Pixels must be whole numbers from 0 to 255: convert with astype(np.uint8)."
    if array.dtype.kind in "fiu" and array.size:
        low, high = float(array.min()), float(array.max())
        came += f" from {low:g} to {high:g}"
        if array.dtype.kind == "f" and low >= -1 and high <= 1:
            fix = "Undo the scaling, the network does it itself: np.rint(images * 255).astype(np.uint8)."
    raise MoueError(came, "uint8 pixels from 0 to 255", fix)


def _fix_for_shape(array: NDArray[Any]) -> str:
    if array.ndim and array.shape[-1] == 4:
        return "Remove the alpha channel: images[..., :3]."
    if array.ndim == 4 and array.shape[1] in (1, 3):
        return "Channels come last: images.transpose(0, 2, 3, 1)."
    if array.ndim == 3 and array.shape[0] in (1, 3):
        return "Channels come last: image.transpose(1, 2, 0)."
    return ""


def _fix_for_type(value: object) -> str:
    if isinstance(value, str | bytes) or hasattr(value, "__fspath__"):
        return "Read the file first with moue.media.decode.decode, or use moue.analyze."
    if hasattr(value, "convert"):
        return 'Turn a Pillow image into an array: np.asarray(image.convert("RGB")).'
    return "Turn it into a NumPy array."
