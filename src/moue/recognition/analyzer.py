"""From any image to named expressions: decode, find the faces, cut them out, ask the network."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.classifier import Classifier
from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.preprocess import fit
from moue.classifier.runtime import CPU, usable_cpus
from moue.errors import MoueError, SettingError
from moue.faces import make_detector
from moue.faces.crop import LARGEST_CROP, VIEWS, crop_face
from moue.faces.detectors.none import WholeImage
from moue.faces.face import faces_from
from moue.media.decode import DEFAULT_LIMITS, ImageLimits, Status
from moue.media.image_source import check_color, name_of, open_source
from moue.media.urls import is_address
from moue.recognition.face_prediction import FacePrediction, predict_each_face
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult, Timings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.classifier.protocol import FaceClassifier
    from moue.faces import Detector, Face
    from moue.faces.face import Box
    from moue.media.image_source import Color, Source

DEFAULT_UNSURE_BELOW: Final = 0.5
_GIVEN: Final = "given"
# An image this small without a face that is found is no photo. It is a face that was cut out, as FER2013's are.
_TAKEN_WHOLE: Final = "no face was found; the image is so small that it counts as one face"


@dataclasses.dataclass(frozen=True)
class _Looked:
    """An image's result but for the expressions, the faces in it, and what the network will see of them."""

    result: ImageResult
    faces: tuple[Face, ...] = ()
    crops: tuple[tuple[NDArray[np.uint8], ...], ...] = ()  # of each face its views


def _check_probability(name: str, value: object) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise SettingError(f"{name} is {value!r}", "a probability, 0-1")


class Analyzer:
    """A detector and a network that work together; may be used by several threads.

    Args:
        classifier: Names the expressions: a `Classifier`, an `Ensemble`, or anything else that answers alike.
        detector: Finds the faces.
        unsure_below: Confidence below which an answer is marked as unsure, 0-1.
        views: Over how many crops of slightly different size (`moue.faces.crop.VIEWS`) the answer for a face is
            averaged, 1 to 3, every other one mirrored: a box is never quite right. An image that is the face has one
            view.
        limits: What is refused before decoding.
        allow_url: Fetch images whose source is an address (https:// or http://); such a source has the status
            ``"unsupported"`` otherwise. Not for addresses that strangers choose: they could reach into this network.
        color: The order of the channels in arrays: ``"rgb"``, or ``"bgr"`` as OpenCV reads images.

    Raises:
        MoueError: `unsure_below` is not within 0-1, `views` not within 1-3, `color` neither of the two, or `classifier`
            or `detector` something else.
    """

    def __init__(  # noqa: PLR0913 (the choices of one kind of answer)
        self,
        classifier: FaceClassifier,
        detector: Detector,
        *,
        unsure_below: float = DEFAULT_UNSURE_BELOW,
        views: int = len(VIEWS),
        limits: ImageLimits = DEFAULT_LIMITS,
        allow_url: bool = False,
        color: Color = "rgb",
    ) -> None:
        for name, value, needed in (("model", classifier, "predict_faces"), ("detector", detector, "detect")):
            if not hasattr(value, needed):
                raise MoueError(f"the {name} is {value!r:.80}", f"a name, or an object with the method {needed}")
        _check_probability("unsure_below", unsure_below)
        if views not in range(1, len(VIEWS) + 1):
            raise SettingError(f"views is {views!r}", f"a number from 1 to {len(VIEWS)}")
        check_color(color)
        self.classifier = classifier
        self.detector = detector
        self.unsure_below = unsure_below
        self.views = views
        self.limits = limits
        self.allow_url = allow_url
        self.color = color

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        detector: str = "auto",
        *,
        device: str = CPU,
        **choices: Any,  # noqa: ANN401 (as the class takes them)
    ) -> Analyzer:
        """Load the model and the detector.

        Args:
            model: As for `Classifier.load`.
            detector: As for `moue.faces.make_detector`.
            device: Where the network runs, as for `Classifier.load`; detectors run on the CPU.
            choices: `unsure_below`, `views`, `limits`, `allow_url` and `color` as above.

        Raises:
            MoueError: one of them cannot be loaded.
        """
        return cls(Classifier.load(model, device=device), make_detector(detector), **choices)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes, in order."""
        return self.classifier.class_names

    def analyze(self, source: Source, *, boxes: Sequence[Box] | None = None) -> ImageResult:
        """Name the expression of each face in an image.

        Args:
            source: A path, an address, a file's bytes, uint8 pixels (H, W), (H, W, 1) or (H, W, 3) RGB, or a Pillow
                image.
            boxes: Where the faces are, (x, y, width, height) each, from chin to hairline and from ear to ear; nothing
                is detected then.

        Returns:
            The result; what is wrong with a file is its status, not an exception. It holds the pixels, unless `source`
            is a path, which can be opened again.

        Raises:
            MoueError: `source` is none of the above, or a box lies outside of the image.
        """
        given = None if boxes is None else faces_from(boxes)
        looked = self._look(source, given, keep=not isinstance(source, str | os.PathLike) or is_address(source))
        return next(self._answer([looked]))

    def analyze_safely(self, source: Source) -> ImageResult:
        """As `analyze`, but anything that goes wrong with the image is its status, as in `analyze_many`."""
        return next(self._answer([self._look_safely(source)]))

    def analyze_many(
        self, sources: Iterable[Source], *, workers: int | None = None, batch_size: int = 64
    ) -> Iterator[ImageResult]:
        """Yield one result for each image, in order.

        Images are decoded and searched by several threads, and the faces of several images go through the network
        together. No image ends the run, and only a few are in memory at a time, however many there are.

        Args:
            sources: As for `analyze`.
            workers: Threads that decode and search; None takes the CPUs that this process may use, 8 at most.
            batch_size: Faces that the network answers together.

        Raises:
            MoueError: `workers` or `batch_size` is below 1.
        """
        if isinstance(sources, str | bytes | os.PathLike) or getattr(sources, "__iter__", None) is None:
            raise MoueError(
                f"the images are a {type(sources).__name__}",
                "a list or another iterable of images",
                "For one image: analyze(image). For a folder: analyze_many(Path(folder).glob('*.jpg')).",
            )
        for name, value in (("workers", workers), ("batch_size", batch_size)):
            if value is not None and value < 1:
                raise SettingError(f"{name} is {value}", "1 or more")
        return self._many(sources, workers or usable_cpus(), batch_size)

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
        """Look at the images in threads, a few ahead, and yield in order."""
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
            return _Looked(self._failed(source, Status.UNSUPPORTED, str(error).replace("\n", "; ")))
        except Exception as error:  # noqa: BLE001 (one image must not cost the others their answers)
            return _Looked(self._failed(source, Status.FAILED, f"{type(error).__name__}: {error}"))

    def _failed(self, source: Source, status: Status, message: str) -> ImageResult:
        return ImageResult(name_of(source), status, message=message, class_names=self.class_names)

    def _look(self, source: Source, given: tuple[Face, ...] | None, *, keep: bool = False) -> _Looked:
        start = time.perf_counter()
        decoded = open_source(source, self.limits, allow_url=self.allow_url, color=self.color)
        name = _GIVEN if given is not None else self.detector.name
        result = ImageResult(
            name_of(source),
            decoded.status,
            decoded.width,
            decoded.height,
            detector=name,
            message=decoded.message,
            class_names=self.class_names,
            pixels=decoded.image if keep else None,
        )
        opened = time.perf_counter()
        if decoded.image is None:
            return _Looked(dataclasses.replace(result, detector="", timings=Timings(1e3 * (opened - start))))
        faces = given if given is not None else tuple(self._detect(decoded.image))
        if not faces and given is None and max(decoded.image.shape[:2]) <= LARGEST_CROP:
            name, faces = WholeImage.name, tuple(WholeImage().detect(decoded.image))
            result = dataclasses.replace(result, detector=name, message=decoded.message or _TAKEN_WHOLE)
        detected = time.perf_counter()
        crops = tuple(self._crop(decoded.image, face, whole=name == WholeImage.name) for face in faces)
        cropped = time.perf_counter()
        times = Timings(1e3 * (opened - start), 1e3 * (detected - opened), 1e3 * (cropped - detected))
        status = Status.OK if faces else Status.NO_FACE
        message = result.message or ("" if faces else "no face was found")
        return _Looked(dataclasses.replace(result, status=status, message=message, timings=times), faces, crops)

    def _detect(self, image: NDArray[np.uint8]) -> list[Face]:
        return self.detector.detect(np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image)

    def _crop(self, image: NDArray[np.uint8], face: Face, *, whole: bool) -> tuple[NDArray[np.uint8], ...]:
        spec = self.classifier.input
        if whole:
            # An image that is the face is fed as FER2013's own images are.
            return (fit(image, spec),)
        views = [crop_face(image, face, spec, zoom=zoom) for zoom in VIEWS[: self.views]]
        # Every other view is mirrored: an expression is the same in a mirror, the network's answer nearly so.
        return tuple(np.ascontiguousarray(view[:, ::-1]) if k % 2 else view for k, view in enumerate(views))

    def _answer(self, looked: list[_Looked]) -> Iterator[ImageResult]:
        """Ask the network about the faces of several images at once."""
        start = time.perf_counter()
        answers = iter(predict_each_face(self.classifier, [views for one in looked for views in one.crops]))
        each_ms = 1e3 * (time.perf_counter() - start) / max(1, sum(len(one.crops) for one in looked))
        for one in looked:
            said = [next(answers) for _ in one.crops]
            result = self._without_false_boxes(one, said)
            times = dataclasses.replace(one.result.timings, inference_ms=each_ms * len(one.crops))
            yield dataclasses.replace(result, timings=times)

    def _without_false_boxes(self, looked: _Looked, said: Sequence[FacePrediction]) -> ImageResult:
        """Join faces and answers, leaving out what a detector found and the network takes for no face."""
        detected = looked.result.detector not in (_GIVEN, WholeImage.name)
        most = self.classifier.not_face_above if detected else 1.0
        faces = tuple(
            FaceResult.of(face, answer.probabilities, self.unsure_below)
            for face, answer in zip(looked.faces, said, strict=True)
            if answer.not_face <= most
        )
        if looked.faces and not faces:
            return dataclasses.replace(looked.result, status=Status.NO_FACE, message="no face was found")
        return dataclasses.replace(looked.result, faces=faces)
