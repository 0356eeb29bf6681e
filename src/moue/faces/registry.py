"""Detectors by name."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError
from moue.faces import store
from moue.faces.haar import HaarDetector
from moue.faces.multiscale import DEFAULT_MIN_SIZE, DEFAULT_THRESHOLD, YuNetDetector
from moue.faces.own import load_own
from moue.faces.whole_image import WholePicture
from moue.faces.yunet import YuNet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from moue.faces.face import Detector

AUTO: Final = "auto"


@dataclasses.dataclass(frozen=True)
class DetectorOptions:
    """What a detector may be told; each takes what concerns it.

    Attributes:
        model: The detector's file, for `yunet`.
        score_threshold: Lowest face_score that counts, for `own` and `yunet`; None takes the detector's own.
        min_size: Smallest face in pixels of the image, for `own` and `yunet`.
        turns: Look again at the picture turned if no face in it is beyond doubt, for `yunet`; False halves the time
            of pictures without a face, as a camera gives.
        threads: CPU threads of one detection, for `own` and `yunet`.
    """

    model: str | Path | None = None
    score_threshold: float | None = None
    min_size: float = DEFAULT_MIN_SIZE
    turns: bool = True
    threads: int = 1


_MAKERS: Final[dict[str, Callable[[DetectorOptions], Detector]]] = {}


def register(name: str, make: Callable[[DetectorOptions], Detector]) -> None:
    """Make a detector known by a name.

    Raises:
        MoueError: the name is taken.
    """
    if name in _MAKERS or name == AUTO:
        raise MoueError(f"a detector {name!r} is registered already", "a name that is free")
    _MAKERS[name] = make


def detector_names() -> tuple[str, ...]:
    """Return the names that `make_detector` knows, ``auto`` first."""
    return (AUTO, *_MAKERS)


def make_detector(name: str = AUTO, options: DetectorOptions | None = None) -> Detector:
    """Make a detector.

    Args:
        name: ``"own"`` (in the package), ``"yunet"`` (once downloaded), ``"haar"`` (with OpenCV 4), ``"none"`` (the
            image is the face), or ``"auto"``: `yunet` where it is, else `own`. The detector's `name` says which it is.
        options: What to tell it.

    Raises:
        MoueError: the name is unknown, or that detector cannot be had: its file or package is missing.
    """
    options = options or DetectorOptions()
    if name == AUTO:
        return _best(options)
    if name not in _MAKERS:
        raise MoueError(f"unknown detector {name!r}", f"one of {', '.join(detector_names())}")
    return _MAKERS[name](options)


def _best(options: DetectorOptions) -> Detector:
    # A file that was named must be used, or its absence told.
    if options.model is not None or store.find("yunet") is not None:
        return _yunet(options)
    return _own(options)


def _own(options: DetectorOptions) -> Detector:
    return load_own(options.score_threshold, min_size=options.min_size, threads=options.threads)


def _yunet(options: DetectorOptions) -> Detector:
    path = store.find("yunet", options.model)
    if path is None:
        raise MoueError(
            "the model of the detector yunet is not here",
            f"{store.MODELS['yunet'].name} in the cache or in the folder that {store.ENVIRONMENT} names",
            "Get it (230 kB) with: moue download yunet",
        )
    network = YuNet(path, threads=options.threads)
    threshold = DEFAULT_THRESHOLD if options.score_threshold is None else options.score_threshold
    return YuNetDetector(network, score_threshold=threshold, min_size=options.min_size, turns=options.turns)


def _haar(_: DetectorOptions) -> Detector:
    return HaarDetector()


register("own", _own)
register("yunet", _yunet)
register("haar", _haar)
register("none", lambda _: WholePicture())
