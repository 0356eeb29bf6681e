"""From any image to named expressions: decode it, detect the faces, crop them, predict."""

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
# If no face is found in an image this small, it is not a photo but a cropped face, like those of FER2013.
_WHOLE_IMAGE_NOTE: Final = "no face was found; the image is so small that it counts as one face"


@dataclasses.dataclass(frozen=True)
class _Prepared:
    """An image ready for prediction: its result without expressions, its faces, and the crops for the model."""

    result: ImageResult
    faces: tuple[Face, ...] = ()
    crops: tuple[tuple[NDArray[np.uint8], ...], ...] = ()  # the views of each face


def _check_probability(name: str, value: object) -> None:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise SettingError(f"{name} is {value!r}", "a probability, 0-1")


class Analyzer:
    """A detector and a model that work together; safe to use from several threads.

    Args:
        classifier: Predicts the expressions: a `Classifier`, an `Ensemble`, or anything else with their methods.
        detector: Finds the faces.
        unsure_below: Confidence below which a prediction is marked as unsure, 0-1.
        views: Number of crops of slightly different size (`moue.faces.crop.VIEWS`), 1 to 3, over which the prediction
            for a face is averaged, since a box is never exact. Every other crop is mirrored. An image that is itself
            the face has one view.
        limits: What is refused before decoding.
        allow_url: Fetch images whose source is an address (https:// or http://); otherwise they get the status
            ``"unsupported"``. Do not allow addresses that strangers choose: they could reach into your local network.
        color: The order of the channels in arrays: ``"rgb"``, or ``"bgr"`` as OpenCV reads images.

    Raises:
        MoueError: `unsure_below` is not within 0-1, `views` is not within 1-3, `color` is neither of the two, or
            `classifier` or `detector` is of a wrong type.
    """

    def __init__(  # noqa: PLR0913 (the choices of one analysis)
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
            device: Where the model runs, as for `Classifier.load`; detectors run on the CPU.
            choices: `unsure_below`, `views`, `limits`, `allow_url` and `color` as above.

        Raises:
            MoueError: the model or the detector cannot be loaded.
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
            boxes: The faces, each (x, y, width, height), from chin to hairline and from ear to ear; then no faces are
                detected.

        Returns:
            The result. If a file cannot be read, its status says so; no exception is raised. The result holds the
            pixels, unless `source` is a path, which can be opened again.

        Raises:
            MoueError: `source` is none of the above, or a box lies outside the image.
        """
        given = None if boxes is None else faces_from(boxes)
        prepared = self._prepare(source, given, keep=not isinstance(source, str | os.PathLike) or is_address(source))
        return next(self._predict([prepared]))

    def analyze_safely(self, source: Source) -> ImageResult:
        """As `analyze`, but any error with the image becomes its status, as in `analyze_many`."""
        return next(self._predict([self._prepare_safely(source)]))

    def analyze_many(
        self, sources: Iterable[Source], *, workers: int | None = None, batch_size: int = 64
    ) -> Iterator[ImageResult]:
        """Yield one result for each image, in order.

        Several threads decode images and detect faces, and the faces of several images are predicted in one batch. An
        error in one image does not end the run, and only a few images are in memory at a time.

        Args:
            sources: As for `analyze`.
            workers: Threads that decode and detect; None uses the CPUs that this process may use, at most 8.
            batch_size: Number of faces in a batch.

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
        batch: list[_Prepared] = []
        with contextlib.closing(self._prepare_ahead(sources, workers)) as images:
            for image in images:
                batch.append(image)
                if len(batch) >= batch_size or sum(len(one.faces) for one in batch) >= batch_size:
                    yield from self._predict(batch)
                    batch = []
        yield from self._predict(batch)

    def _prepare_ahead(self, sources: Iterable[Source], workers: int) -> Generator[_Prepared, None, None]:
        """Prepare the images in threads, a few ahead, and yield them in order."""
        with ThreadPoolExecutor(workers, "moue") as pool:
            running: deque[Future[_Prepared]] = deque()
            try:
                for source in sources:
                    running.append(pool.submit(self._prepare_safely, source))
                    if len(running) > 2 * workers:
                        yield running.popleft().result()
                while running:
                    yield running.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _prepare_safely(self, source: Source) -> _Prepared:
        try:
            return self._prepare(source, None)
        except MoueError as error:
            return _Prepared(self._failed(source, Status.UNSUPPORTED, str(error).replace("\n", "; ")))
        except Exception as error:  # noqa: BLE001 (one image must not cost the others their results)
            return _Prepared(self._failed(source, Status.FAILED, f"{type(error).__name__}: {error}"))

    def _failed(self, source: Source, status: Status, message: str) -> ImageResult:
        return ImageResult(name_of(source), status, message=message, class_names=self.class_names)

    def _prepare(self, source: Source, given: tuple[Face, ...] | None, *, keep: bool = False) -> _Prepared:
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
            return _Prepared(dataclasses.replace(result, detector="", timings=Timings(1e3 * (opened - start))))
        faces = given if given is not None else tuple(self._detect(decoded.image))
        if not faces and given is None and max(decoded.image.shape[:2]) <= LARGEST_CROP:
            name, faces = WholeImage.name, tuple(WholeImage().detect(decoded.image))
            result = dataclasses.replace(result, detector=name, message=decoded.message or _WHOLE_IMAGE_NOTE)
        detected = time.perf_counter()
        crops = tuple(self._crop(decoded.image, face, whole=name == WholeImage.name) for face in faces)
        cropped = time.perf_counter()
        times = Timings(1e3 * (opened - start), 1e3 * (detected - opened), 1e3 * (cropped - detected))
        status = Status.OK if faces else Status.NO_FACE
        message = result.message or ("" if faces else "no face was found")
        return _Prepared(dataclasses.replace(result, status=status, message=message, timings=times), faces, crops)

    def _detect(self, image: NDArray[np.uint8]) -> list[Face]:
        return self.detector.detect(np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image)

    def _crop(self, image: NDArray[np.uint8], face: Face, *, whole: bool) -> tuple[NDArray[np.uint8], ...]:
        spec = self.classifier.input
        if whole:
            # An image that is itself the face is prepared like FER2013's own images.
            return (fit(image, spec),)
        views = [crop_face(image, face, spec, zoom=zoom) for zoom in VIEWS[: self.views]]
        # Every other view is mirrored: an expression stays the same, the model's prediction nearly so.
        return tuple(np.ascontiguousarray(view[:, ::-1]) if k % 2 else view for k, view in enumerate(views))

    def _predict(self, images: list[_Prepared]) -> Iterator[ImageResult]:
        """Predict the faces of several images in one batch."""
        start = time.perf_counter()
        predictions = iter(predict_each_face(self.classifier, [views for image in images for views in image.crops]))
        each_ms = 1e3 * (time.perf_counter() - start) / max(1, sum(len(image.crops) for image in images))
        for image in images:
            result = self._without_false_boxes(image, [next(predictions) for _ in image.crops])
            times = dataclasses.replace(image.result.timings, inference_ms=each_ms * len(image.crops))
            yield dataclasses.replace(result, timings=times)

    def _without_false_boxes(self, image: _Prepared, predictions: Sequence[FacePrediction]) -> ImageResult:
        """Join faces and predictions, without detected boxes that the model rejects as not a face."""
        detected = image.result.detector not in (_GIVEN, WholeImage.name)
        max_not_face = self.classifier.not_face_above if detected else 1.0
        faces = tuple(
            FaceResult.of(face, prediction.probabilities, self.unsure_below)
            for face, prediction in zip(image.faces, predictions, strict=True)
            if prediction.not_face <= max_not_face
        )
        if image.faces and not faces:
            return dataclasses.replace(image.result, status=Status.NO_FACE, message="no face was found")
        return dataclasses.replace(image.result, faces=faces)
