"""From any face picture to the network's input: gray, resize, float32. The only copy of these steps.

Gray equals ``cv2.cvtColor`` exactly and the resize equals ``cv2.resize`` with ``INTER_LINEAR`` within one gray level,
so a network sees what it saw in the many tutorials that prepare FER2013 with OpenCV; OpenCV itself is not needed.
Scaling to 0-1 is a layer inside the network.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from moue.classifier.spec import InputSpec
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Images: TypeAlias = NDArray[Any] | Sequence[NDArray[Any]]
    """A picture, a batch, or a list of pictures: see `prepare`."""

SEED_INPUT: Final = InputSpec()
"""48x48 gray, as FER2013."""

# Rec. 601 luma in 15-bit fixed point with the roundings of OpenCV's cvtColor.
_RED, _GREEN, _BLUE, _LUMA_BITS = 9798, 19235, 3735, 15
# OpenCV's resize keeps its weights in 11 bits.
_WEIGHT = 1 << 11
_CHUNK = 64
_KINDS = "uint8 gray (H, W) or (H, W, 1), RGB (H, W, 3), or a batch or list of them"


def to_gray(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the Rec. 601 luma of RGB pixels, equal to ``cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)``.

    Args:
        image: uint8 (..., 3), red first, 0-255.

    Returns:
        uint8 (...).

    Raises:
        MoueError: the last axis is not 3 or the pixels are not uint8.
    """
    if image.dtype != np.uint8 or image.ndim == 0 or image.shape[-1] != 3:
        raise MoueError(f"an RGB picture is {image.dtype} {image.shape}", "uint8 (..., 3)")
    red, green, blue = (image[..., channel].astype(np.int32) for channel in range(3))
    luma = red * _RED + green * _GREEN + blue * _BLUE + (1 << (_LUMA_BITS - 1))
    return (luma >> _LUMA_BITS).astype(np.uint8)


def resize_bilinear(image: NDArray[np.uint8], size: tuple[int, int] = (48, 48)) -> NDArray[np.uint8]:
    """Resize gray pictures as ``cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)``.

    Half-pixel centres, no antialiasing, borders repeated; within one gray level of OpenCV. Only the source pixels
    that count are touched, so the cost does not grow with the picture.

    Args:
        image: uint8 (..., H, W), 0-255.
        size: (height, width) of the result.

    Returns:
        uint8 (..., height, width); `image` itself if it has that size already.

    Raises:
        MoueError: the picture has no pixels or they are not uint8.
    """
    if image.dtype != np.uint8 or image.ndim < 2 or 0 in image.shape[-2:]:
        raise MoueError(f"a gray picture is {image.dtype} {image.shape}", "uint8 (..., H, W) with H, W of 1 or more")
    if image.shape[-2:] == size:
        return image
    rows, columns = _positions(image.shape[-2], size[0]), _positions(image.shape[-1], size[1])
    return _blend(image[..., rows[:, None], columns], (image.shape[-2], image.shape[-1]), size)


def prepare(images: Images, spec: InputSpec = SEED_INPUT) -> NDArray[np.float32]:
    """Return the network's input for any face pictures.

    An array is read by its shape: (H, W) is one gray picture; (H, W, 1) and (H, W, 3) are one picture; any other
    (N, H, W) is a batch of gray pictures; (N, H, W, 1) and (N, H, W, 3) are batches. A batch of gray pictures 1 to 4
    pixels wide must therefore be given with its channel axis. The pictures of a list may differ in size and kind.

    Args:
        images: uint8 pixels, 0-255; colours as RGB. Nothing is cropped: each picture is one face.
        spec: The network's input.

    Returns:
        float32 (N, height, width, 1), 0-255; N is 1 for a single picture and 0 for an empty batch or list.

    Raises:
        MoueError: the pixels are not uint8 (0-1 floats are the usual case), a picture is empty, or its shape is none
            of the above.
    """
    batches = list(iter_batches(images, spec, _CHUNK))
    if len(batches) == 1:
        return batches[0]
    return np.concatenate([np.zeros((0, *spec.shape), np.float32), *batches])


def iter_batches(images: Images, spec: InputSpec = SEED_INPUT, batch_size: int = 64) -> Iterator[NDArray[np.float32]]:
    """Yield what `prepare` returns in batches of at most `batch_size`; nothing for zero pictures.

    The pictures are checked before the first batch.

    Raises:
        MoueError: as `prepare`, or `batch_size` is below 1.
    """
    if batch_size < 1:
        raise MoueError(f"batch_size is {batch_size}", "1 or more")
    checked = _checked(images)
    for start in range(0, len(checked), batch_size):
        part = checked[start : start + batch_size]
        if isinstance(part, np.ndarray):
            yield _fit(part, spec).astype(np.float32)
        else:
            yield np.concatenate([_fit(image[None], spec) for image in part]).astype(np.float32)


def fit(image: NDArray[np.uint8], spec: InputSpec = SEED_INPUT) -> NDArray[np.uint8]:
    """Return one picture as the network sees it, still uint8, so that many can be kept in little memory.

    Args:
        image: uint8 (H, W), (H, W, 1) or (H, W, 3) RGB.
        spec: The network's input.

    Returns:
        uint8 (height, width, 1), 0-255.

    Raises:
        MoueError: as `prepare`.
    """
    checked: NDArray[np.uint8] = _checked([image])[0]
    fitted: NDArray[np.uint8] = _fit(checked[None], spec)[0]
    return fitted


def _fit(images: NDArray[np.uint8], spec: InputSpec) -> NDArray[np.uint8]:
    """(N, H, W, 1 or 3) to (N, height, width, 1)."""
    size = (spec.height, spec.width)
    height, width = images.shape[1:3]
    if (height, width) == size:
        return images if images.shape[3] == 1 else to_gray(images)[..., None]
    # Gray is made after the few pixels that count are picked: the result is the same and the picture may be large.
    picked = images[:, _positions(height, size[0])[:, None], _positions(width, size[1])]
    gray = picked[..., 0] if picked.shape[3] == 1 else to_gray(picked)
    return _blend(gray, (height, width), size)[..., None]


@functools.lru_cache(maxsize=512)
def _axis(source: int, target: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return, for each target pixel, its two source positions (2, target) and their weights (2, target)."""
    place = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    first = np.floor(place).astype(np.int64)
    part = place - first.astype(np.float32)
    outside = (first < 0) | (first >= source - 1)
    part[outside] = 0.0
    first = np.clip(first, 0, source - 1)
    positions = np.stack([first, np.minimum(first + 1, source - 1)])
    second = np.rint(part * _WEIGHT).astype(np.int32)
    weights = np.stack([_WEIGHT - second, second])
    positions.setflags(write=False)
    weights.setflags(write=False)
    return positions, weights


def _positions(source: int, target: int) -> NDArray[np.int64]:
    return _axis(source, target)[0].reshape(-1)


def _blend(picked: NDArray[np.uint8], source: tuple[int, int], size: tuple[int, int]) -> NDArray[np.uint8]:
    """(..., 2 height, 2 width) of picked source pixels to (..., height, width), in OpenCV's fixed-point steps."""
    height, width = size
    up, down = _axis(source[0], height)[1][:, :, None]
    left, right = _axis(source[1], width)[1]
    across = picked[..., :width] * left + picked[..., width:] * right >> 4
    mixed: NDArray[np.int32] = (across[..., :height, :] * up >> 16) + (across[..., height:, :] * down >> 16) + 2 >> 2
    return mixed.astype(np.uint8)


def _checked(images: Images) -> NDArray[np.uint8] | list[NDArray[np.uint8]]:
    """Return a batch (N, H, W, C) or a list of pictures (H, W, C), C 1 or 3, all uint8."""
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
    """Refuse (N, 2304), the usual shape of faces read from fer2013.csv, which would be read as one wide image."""
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
        raise MoueError(f"{name} has shape {shape}: pictures without pixels", "a height and a width of 1 or more")
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
