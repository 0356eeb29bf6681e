"""Test-time augmentation: averaging a model's probabilities over several views (crops) of a face.

Each view costs a prediction, and scores with several views are not comparable to those with one. So every evaluation
records the name and number of its views (`Evaluation.views`, `Evaluation.num_views`).
"""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from moue.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Images: TypeAlias = NDArray[np.uint8]
    PredictProba: TypeAlias = Callable[[NDArray[np.uint8]], NDArray[Any]]

_CROP: Final = 44 / 48  # of each side
_CORNERS: Final = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))


@dataclasses.dataclass(frozen=True)
class ViewSet:
    """A named set of views of a face.

    Attributes:
        name: Its name on the command line and in results.
        summary: What it is, in one line.
        views: One function per view, from images uint8 (n, H, W, C) to images of the same shape.
    """

    name: str
    summary: str
    views: tuple[Callable[[Images], Images], ...]

    def __len__(self) -> int:
        return len(self.views)


@dataclasses.dataclass(frozen=True)
class Viewed:
    """What `with_views` returns: a `predict_proba` that averages over views.

    Attributes:
        predict_proba: The model's own function.
        view_set: The views to average over.
    """

    predict_proba: PredictProba
    view_set: ViewSet

    def __call__(self, images: Images) -> NDArray[Any]:
        """Return the mean of the probabilities over the views, float (n, K), for uint8 (n, H, W, C)."""
        return average_views(lambda view: {"": np.asarray(self.predict_proba(view))}, images, self.view_set.name)[""]


def average_views(
    predict: Callable[[Images], dict[str, NDArray[Any]]], images: Images, name: str
) -> dict[str, NDArray[Any]]:
    """Return the mean of each output over the views of each face.

    Args:
        predict: Maps uint8 (n, H, W, C) of 0-255 to probabilities float (n, K) by name.
        images: uint8 (n, H, W, C).
        name: A name of `list_views`.

    Raises:
        MoueError: there is no such set of views.
    """
    outputs = [predict(view(images)) for view in find_views(name).views]
    if len(outputs) == 1:
        return outputs[0]
    return {key: np.mean([output[key] for output in outputs], axis=0) for key in outputs[0]}


def with_views(predict_proba: PredictProba, name: str) -> Viewed:
    """Return a `predict_proba` that averages the probabilities of a model over the views of each face.

    Args:
        predict_proba: Maps uint8 (n, H, W, C) of 0-255 to probabilities float (n, K).
        name: A name of `list_views`: "single" (the face as it is), "flip" or "ten_crop".

    Raises:
        MoueError: there is no such set of views.
    """
    return Viewed(predict_proba, find_views(name))


def find_views(name: str) -> ViewSet:
    """Return a set of views by its name.

    Raises:
        MoueError: there is no such set of views.
    """
    if name not in _VIEW_SETS:
        raise SettingError(f"unknown views {name!r}", f"one of {', '.join(_VIEW_SETS)}")
    return _VIEW_SETS[name]


def views_of(model: object) -> ViewSet:
    """Return the views that `with_views` gave a model; "single" for any other."""
    return model.view_set if isinstance(model, Viewed) else _VIEW_SETS["single"]


def list_views() -> dict[str, ViewSet]:
    """Return the sets of views by name, the cheapest first."""
    return dict(_VIEW_SETS)


def _identity(images: Images) -> Images:
    return images


def _mirror(images: Images) -> Images:
    return images[:, :, ::-1]


def _crop(images: Images, place: tuple[float, float], *, mirrored: bool = False) -> Images:
    """Cut out a rectangle and enlarge it to the full size: bilinear, half-pixel centres.

    Args:
        images: uint8 (n, H, W, C).
        place: Where along height and width, 0 (start) to 1 (end).
        mirrored: Whether to mirror the result.
    """
    rows, columns = (_enlargement(side, where) for side, where in zip(images.shape[1:3], place, strict=True))
    planes = np.moveaxis(images, 3, 1).astype(np.float32)
    enlarged = np.moveaxis(rows @ planes @ columns.T, 1, 3)
    result = np.rint(enlarged).astype(np.uint8)
    return _mirror(result) if mirrored else result


@functools.lru_cache(maxsize=64)
def _enlargement(side: int, place: float) -> NDArray[np.float32]:
    """Return the matrix (side, side) that maps a line of pixels to its enlarged part."""
    cut = max(1, round(side * _CROP))
    source = np.clip((np.arange(side) + 0.5) * (cut / side) - 0.5, 0, cut - 1) + round(place * (side - cut))
    distance = np.abs(source[:, None] - np.arange(side))
    matrix: NDArray[np.float32] = np.maximum(1 - distance, 0).astype(np.float32)
    matrix.setflags(write=False)
    return matrix


_VIEW_SETS: Final = {
    entry.name: entry
    for entry in (
        ViewSet("single", "the face as it is", (_identity,)),
        ViewSet("flip", "the face and its mirror image", (_identity, _mirror)),
        # Krizhevsky et al. 2012, "ImageNet classification with deep CNNs"; on FER2013: Khaireddin & Chen 2021,
        # arXiv:2105.03588, who train on crops too. Models here see whole faces, so the crops are enlarged again.
        ViewSet(
            "ten_crop",
            "four corners and the centre of 44x44 of 48x48 pixels, enlarged again, and their mirror images",
            tuple(
                functools.partial(_crop, place=place, mirrored=mirrored)
                for mirrored in (False, True)
                for place in _CORNERS
            ),
        ),
    )
}
