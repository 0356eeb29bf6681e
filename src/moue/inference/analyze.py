"""From any picture to named expressions: decode, find the faces, cut them out, ask the network."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from moue.errors import MoueError
from moue.inference.addresses import decode_address, is_address, shown
from moue.inference.classifier import Classifier, shipped_models
from moue.inference.detection import DetectorOptions, Face, make_detector
from moue.inference.detection.whole import WholePicture
from moue.inference.faces import VIEWS, crop_face
from moue.inference.images import DEFAULT_LIMITS, Decoded, ImageLimits, Status, decode
from moue.inference.preprocess import fit
from moue.inference.results import FaceResult, ImageResult, Timings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from moue.inference.detection import Detector

    Source: TypeAlias = str | os.PathLike[str] | bytes | NDArray[np.uint8] | Any
    """A path, an address, a file's bytes, uint8 pixels (H, W), (H, W, 1) or (H, W, 3) RGB, or a Pillow image."""
    Box: TypeAlias = Sequence[float]
    """x, y, width, height in pixels of the upright picture."""

DEFAULT_UNSURE_BELOW: Final = 0.5
_GIVEN: Final = "given"
_MOST_WORKERS: Final = 8
# So small a picture in which no face is found is no photograph, but a face already cut out, as FER2013's 48x48 are.
_LARGEST_CROP: Final = 64
_TAKEN_WHOLE: Final = "no face was found; so small a picture is taken as one face"


@dataclasses.dataclass(frozen=True)
class _Looked:
    """A picture's result but for the expressions, the faces in it, and what the network will see of them."""

    result: ImageResult
    faces: tuple[Face, ...] = ()
    crops: tuple[tuple[NDArray[np.uint8], ...], ...] = ()  # of each face its views


class Analyzer:
    """A detector and a network that work together; may be used by several threads.

    Args:
        classifier: Names the expressions.
        detector: Finds the faces.
        unsure_below: Confidence below which an answer is marked as unsure, 0-1.
        views: Over how many crops of slightly different size (`moue.inference.faces.VIEWS`) the answer for a face is
            averaged, 1 to 3: a box is never quite right. A picture that is the face has one view.
        limits: What is refused before decoding.
        allow_url: Fetch pictures whose source is an address (https:// or http://); such a source has the status
            ``"unsupported"`` otherwise. Not for addresses that strangers choose: they could reach into this network.

    Raises:
        MoueError: `unsure_below` is not within 0-1, or `views` not within 1-3.
    """

    def __init__(
        self,
        classifier: Classifier,
        detector: Detector,
        *,
        unsure_below: float = DEFAULT_UNSURE_BELOW,
        views: int = len(VIEWS),
        limits: ImageLimits = DEFAULT_LIMITS,
        allow_url: bool = False,
    ) -> None:
        if not 0 <= unsure_below <= 1:
            raise MoueError(f"unsure_below is {unsure_below}", "a probability, 0-1")
        if not 1 <= views <= len(VIEWS):
            raise MoueError(f"views is {views}", f"a number from 1 to {len(VIEWS)}")
        self.classifier = classifier
        self.detector = detector
        self.unsure_below = unsure_below
        self.views = views
        self.limits = limits
        self.allow_url = allow_url

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        detector: str = "auto",
        *,
        options: DetectorOptions | None = None,
        **choices: Any,  # noqa: ANN401 (as the class takes them)
    ) -> Analyzer:
        """Load network and detector.

        Args:
            model: As for `Classifier.load`; None takes the network that moue ships.
            detector: As for `moue.inference.detection.make_detector`.
            options: What to tell the detector.
            choices: `unsure_below`, `views`, `limits` and `allow_url` as above.

        Raises:
            MoueError: one of them cannot be had.
        """
        classifier = Classifier.load(_shipped() if model is None else model)
        return cls(classifier, make_detector(detector, options), **choices)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in order."""
        return self.classifier.class_names()

    def analyze(self, source: Source, *, boxes: Sequence[Box] | None = None) -> ImageResult:
        """Name the expression of each face in a picture.

        Args:
            source: A path, an address, a file's bytes, uint8 pixels (H, W), (H, W, 1) or (H, W, 3) RGB, or a Pillow
                image.
            boxes: Where the faces are, (x, y, width, height) each, from chin to hairline and from ear to ear; nothing
                is detected then.

        Returns:
            The result; what is wrong with a file is its status, not an exception.

        Raises:
            MoueError: `source` is none of the above, or a box lies outside of the picture.
        """
        given = None if boxes is None else tuple(_face_from(box) for box in boxes)
        return next(self._answer([self._look(source, given)]))

    def analyze_many(
        self, sources: Iterable[Source], *, workers: int | None = None, batch_size: int = 64
    ) -> Iterator[ImageResult]:
        """Yield one result for each picture, in order.

        Pictures are decoded and searched by several threads, and the faces of several pictures go through the network
        together. No picture ends the run, and only a few are in memory at a time, however many there are.

        Args:
            sources: As for `analyze`.
            workers: Threads that decode and search; None takes the CPUs that this process may use, 8 at most.
            batch_size: Faces that the network answers together.

        Raises:
            MoueError: `workers` or `batch_size` is below 1.
        """
        for name, value in (("workers", workers), ("batch_size", batch_size)):
            if value is not None and value < 1:
                raise MoueError(f"{name} is {value}", "1 or more")
        return self._many(sources, workers or _usable_cpus(), batch_size)

    def _many(self, sources: Iterable[Source], workers: int, batch_size: int) -> Iterator[ImageResult]:
        waiting: list[_Looked] = []
        with contextlib.closing(self._look_ahead(sources, workers)) as looked:
            for each in looked:
                waiting.append(each)
                if len(waiting) >= batch_size or sum(len(one.faces) for one in waiting) >= batch_size:
                    yield from self._answer(waiting)
                    waiting = []
        yield from self._answer(waiting)

    def _look_ahead(self, sources: Iterable[Source], workers: int) -> Generator[_Looked, None, None]:
        """Look at the pictures in threads, a few ahead, and yield in order."""
        with ThreadPoolExecutor(workers, "moue") as pool:
            running: deque[Future[_Looked]] = deque()
            try:
                for source in sources:
                    running.append(pool.submit(self._look_safely, source))
                    if len(running) > 2 * workers:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _look_safely(self, source: Source) -> _Looked:
        try:
            return self._look(source, None)
        except MoueError as error:
            return _Looked(ImageResult(_name(source), Status.UNSUPPORTED, message=str(error).replace("\n", "; ")))
        except Exception as error:  # noqa: BLE001 (one picture must not cost the others their answers)
            return _Looked(ImageResult(_name(source), Status.FAILED, message=f"{type(error).__name__}: {error}"))

    def _look(self, source: Source, given: tuple[Face, ...] | None) -> _Looked:
        start = time.perf_counter()
        decoded = _decode(source, self.limits, allow_url=self.allow_url)
        name = _GIVEN if given is not None else self.detector.name
        result = ImageResult(
            _name(source), decoded.status, decoded.width, decoded.height, detector=name, message=decoded.message
        )
        opened = time.perf_counter()
        if decoded.image is None:
            return _Looked(dataclasses.replace(result, detector="", timings=Timings(1e3 * (opened - start))))
        faces = given if given is not None else tuple(self._detect(decoded.image))
        if not faces and given is None and max(decoded.image.shape[:2]) <= _LARGEST_CROP:
            name, faces = WholePicture.name, tuple(WholePicture().detect(decoded.image))
            result = dataclasses.replace(result, detector=name, message=decoded.message or _TAKEN_WHOLE)
        detected = time.perf_counter()
        crops = tuple(self._crop(decoded.image, face, whole=name == WholePicture.name) for face in faces)
        cropped = time.perf_counter()
        times = Timings(1e3 * (opened - start), 1e3 * (detected - opened), 1e3 * (cropped - detected))
        status = Status.OK if faces else Status.NO_FACE
        message = result.message or ("" if faces else "no face was found")
        return _Looked(dataclasses.replace(result, status=status, message=message, timings=times), faces, crops)

    def _detect(self, image: NDArray[np.uint8]) -> list[Face]:
        return self.detector.detect(np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image)

    def _crop(self, image: NDArray[np.uint8], face: Face, *, whole: bool) -> tuple[NDArray[np.uint8], ...]:
        spec = self.classifier.spec.input
        if whole:
            # A picture that is the face is fed as FER2013's own pictures are.
            return (fit(image, spec),)
        return tuple(crop_face(image, face, spec, zoom=zoom) for zoom in VIEWS[: self.views])

    def _answer(self, looked: list[_Looked]) -> Iterator[ImageResult]:
        """Ask the network about the faces of several pictures at once."""
        views = [view for one in looked for face in one.crops for view in face]
        start = time.perf_counter()
        y_prob = self.classifier.predict_proba(views, batch_size=max(1, min(len(views), 64)))
        each_ms = 1e3 * (time.perf_counter() - start) / max(1, len(views))
        answers: Iterator[NDArray[np.float32]] = iter(y_prob)
        for one in looked:
            means = [np.stack([next(answers) for _ in face]).mean(axis=0, dtype=np.float64) for face in one.crops]
            probabilities = [dict(zip(self.class_names, mean.tolist(), strict=True)) for mean in means]
            faces = tuple(
                FaceResult.of(face, chances, self.unsure_below)
                for face, chances in zip(one.faces, probabilities, strict=True)
            )
            times = dataclasses.replace(one.result.timings, inference_ms=each_ms * sum(map(len, one.crops)))
            yield dataclasses.replace(one.result, faces=faces, timings=times)


def analyze(
    source: Source,
    *,
    model: str | Path | Classifier | None = None,
    detector: str = "auto",
    boxes: Sequence[Box] | None = None,
    unsure_below: float = DEFAULT_UNSURE_BELOW,
    allow_url: bool = False,
) -> ImageResult:
    """Name the expression of each face in a picture; see `Analyzer.analyze`.

    Network and detector are loaded at the first call and kept for further calls with the same choices.

    Raises:
        MoueError: as `Analyzer.load` and `Analyzer.analyze`.
    """
    return _analyzer(model, detector, unsure_below, allow_url=allow_url).analyze(source, boxes=boxes)


def analyze_many(
    sources: Iterable[Source],
    *,
    model: str | Path | Classifier | None = None,
    detector: str = "auto",
    workers: int | None = None,
    unsure_below: float = DEFAULT_UNSURE_BELOW,
    allow_url: bool = False,
) -> Iterator[ImageResult]:
    """Yield one result for each picture, in order; see `Analyzer.analyze_many`.

    Raises:
        MoueError: as `Analyzer.load` and `Analyzer.analyze_many`.
    """
    return _analyzer(model, detector, unsure_below, allow_url=allow_url).analyze_many(sources, workers=workers)


@functools.lru_cache(maxsize=2)
def _analyzer(
    model: str | Path | Classifier | None, detector: str, unsure_below: float, *, allow_url: bool
) -> Analyzer:
    if isinstance(model, Classifier):
        return Analyzer(model, make_detector(detector), unsure_below=unsure_below, allow_url=allow_url)
    return Analyzer.load(model, detector, unsure_below=unsure_below, allow_url=allow_url)


def _shipped() -> str:
    names = shipped_models()
    if not names:
        raise MoueError(
            "no model was named and moue ships none",
            "a run folder or an ONNX file",
            "Train one with: moue train fer2013.csv --out RUN, then give the folder RUN.",
        )
    return names[0]


def _usable_cpus() -> int:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, _MOST_WORKERS)


def _name(source: Source) -> str:
    if is_address(source):
        return shown(source)
    return os.fspath(source) if isinstance(source, str | os.PathLike) else ""


def _decode(source: Source, limits: ImageLimits, *, allow_url: bool) -> Decoded:
    if is_address(source):
        return decode_address(source, limits, allowed=allow_url)
    if isinstance(source, bytes):
        return decode(source, limits)
    if isinstance(source, str | os.PathLike):
        return decode(Path(source), limits)
    if hasattr(source, "convert") and hasattr(source, "mode"):
        source = np.asarray(source.convert("L" if source.mode in ("1", "L") else "RGB"))
    if not isinstance(source, np.ndarray):
        raise MoueError(f"the picture is a {type(source).__name__}", "a path, bytes, an array or a Pillow image")
    kinds = "uint8 (H, W), (H, W, 1) or (H, W, 3) RGB, 0-255"
    plain = source[..., 0] if source.ndim == 3 and source.shape[2] == 1 else source
    if source.dtype != np.uint8 or not (plain.ndim == 2 or (plain.ndim == 3 and plain.shape[2] == 3)):
        raise MoueError(f"the picture is {source.dtype} {source.shape}", kinds)
    height, width = plain.shape[:2]
    if not plain.size:
        return Decoded(Status.EMPTY, message="no pixels")
    if height * width > limits.max_pixels:
        message = f"{width} x {height} pixels, the limit is {limits.max_pixels:,} in all"
        return Decoded(Status.TOO_LARGE, None, width, height, message=message)
    return Decoded(Status.OK, plain, width, height)


def _face_from(box: Box) -> Face:
    if len(box) != 4:
        raise MoueError(f"a box is {tuple(box)}", "x, y, width, height")
    x, y, width, height = (float(value) for value in box)
    return Face(x, y, width, height)
