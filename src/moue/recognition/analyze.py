"""`analyze` and `analyze_many`: functions over an `Analyzer` that is kept between calls."""

from __future__ import annotations

import functools
import os
from typing import TYPE_CHECKING, TypeAlias, overload

from moue.classifier.classifier import Classifier
from moue.classifier.locate import DEFAULT_MODEL, identity
from moue.classifier.runtime import CPU
from moue.errors import MoueError
from moue.faces import make_detector
from moue.faces.crop import VIEWS
from moue.recognition.analyzer import DEFAULT_UNSURE_BELOW, Analyzer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from moue.classifier.protocol import FaceClassifier
    from moue.faces import Detector
    from moue.faces.face import Box
    from moue.media.image_source import Color, Source
    from moue.recognition.image_result import ImageResult

    Model: TypeAlias = str | Path | FaceClassifier


@overload
def analyze(
    source: list[Source] | tuple[Source, ...],
    *,
    model: Model = ...,
    detector: str | Detector = ...,
    boxes: None = ...,
    views: int = ...,
    unsure_below: float = ...,
    color: Color = ...,
    allow_url: bool = ...,
    device: str = ...,
) -> list[ImageResult]: ...


@overload
def analyze(
    source: Source,
    *,
    model: Model = ...,
    detector: str | Detector = ...,
    boxes: Sequence[Box] | None = ...,
    views: int = ...,
    unsure_below: float = ...,
    color: Color = ...,
    allow_url: bool = ...,
    device: str = ...,
) -> ImageResult: ...


def analyze(  # noqa: PLR0913 (the choices of one call)
    source: Source,
    *,
    model: Model = DEFAULT_MODEL,
    detector: str | Detector = "auto",
    boxes: Sequence[Box] | None = None,
    views: int = len(VIEWS),
    unsure_below: float = DEFAULT_UNSURE_BELOW,
    color: Color = "rgb",
    allow_url: bool = False,
    device: str = CPU,
) -> ImageResult | list[ImageResult]:
    """Name the expression of each face in an image, or in each image of a list.

    The model and the detector are loaded by the first call and kept for later calls with the same choices. If the
    model's files have changed since, it is loaded again.

    Args:
        source: A path, an address, an open file, a file's bytes, uint8 pixels (H, W), (H, W, 1) or (H, W, 3), or a
            Pillow image; or a list or tuple of them.
        model: A name such as ``"small"``, an exported file, a run folder, a `Classifier` or an `Ensemble`.
        detector: A name, see `moue.Detector`, or an object that finds faces.
        boxes: The faces of a single image, each (x, y, width, height); then no faces are detected.
        views: Number of crops of each face over which predictions are averaged, 1 to 3; 1 gives what
            `Classifier.predict_proba` returns for the crop.
        unsure_below: Confidence below which a prediction is marked as unsure, 0-1.
        color: The order of the channels in arrays: ``"rgb"``, or ``"bgr"`` as OpenCV reads images.
        allow_url: Whether addresses are fetched.
        device: Where a model given by name runs, as for `Classifier.load`: "cpu", "cuda", "coreml", "directml" or
            "auto"; detectors run on the CPU.

    Returns:
        One result; for a list, a list of results in its order.

    Raises:
        MoueError: a choice is invalid, `source` is of a wrong type, or the model or the detector cannot be loaded. If
            a file cannot be read, its result's status says so instead; in a list, so do all errors of an image.
    """
    classifier = as_classifier(model, device)
    analyzer = _analyzer(classifier, detector, views, unsure_below, color=color, allow_url=allow_url)
    if not isinstance(source, list | tuple):
        return analyzer.analyze(source, boxes=boxes)
    if boxes is not None:
        raise MoueError("boxes are given for a list of images", "boxes for one image", "Analyze the images one by one.")
    return list(analyzer.analyze_many(source))


def analyze_many(  # noqa: PLR0913 (the choices of one call)
    sources: Iterable[Source],
    *,
    model: Model = DEFAULT_MODEL,
    detector: str | Detector = "auto",
    workers: int | None = None,
    views: int = len(VIEWS),
    unsure_below: float = DEFAULT_UNSURE_BELOW,
    color: Color = "rgb",
    allow_url: bool = False,
    device: str = CPU,
) -> Iterator[ImageResult]:
    """Yield one result for each image, in order; only a few images are in memory at a time.

    Args:
        sources: An iterable of sources, as for `analyze`.
        model: As for `analyze`.
        detector: As for `analyze`.
        workers: Threads that decode images and detect faces; by default, one for each CPU that this process may use.
        views: As for `analyze`.
        unsure_below: As for `analyze`.
        color: As for `analyze`.
        allow_url: As for `analyze`.
        device: As for `analyze`.

    Raises:
        MoueError: as `Analyzer.load` and `Analyzer.analyze_many`.
    """
    classifier = as_classifier(model, device)
    analyzer = _analyzer(classifier, detector, views, unsure_below, color=color, allow_url=allow_url)
    return analyzer.analyze_many(sources, workers=workers)


def _analyzer(
    classifier: FaceClassifier,
    detector: str | Detector,
    views: int,
    unsure_below: float,
    *,
    color: Color,
    allow_url: bool,
) -> Analyzer:
    loaded = _detector(detector) if isinstance(detector, str) else detector
    return Analyzer(classifier, loaded, unsure_below=unsure_below, views=views, allow_url=allow_url, color=color)


def as_classifier(model: Model, device: str = CPU) -> FaceClassifier:
    """Return a model by its name or path, reloaded only if its files change; a classifier is returned as it is."""
    return _classifier(model, device, identity(model)) if isinstance(model, str | os.PathLike) else model


@functools.lru_cache(maxsize=2)
def _classifier(model: str | Path, device: str, _files: tuple[str, ...]) -> Classifier:
    return Classifier.load(model, device=device)


@functools.lru_cache(maxsize=2)
def _detector(name: str) -> Detector:
    return make_detector(name)
