"""The work of the server: models, detectors, and the threads that process images."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from moue.classifier.classifier import Classifier
from moue.classifier.locate import display_name
from moue.classifier.maps import open_features
from moue.classifier.preprocess import prepare
from moue.classifier.runtime import usable_cpus
from moue.errors import MoueError, SettingError
from moue.faces import make_detector
from moue.faces.registry import AUTO, detectors
from moue.heads import EXPRESSION, NOT_FACE
from moue.media.decode import ImageLimits, Status, decode
from moue.recognition.analyzer import Analyzer
from moue.recognition.image_result import ImageResult
from moue.serve.batching import BatchingSession
from moue.serve.problems import HttpError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from moue.faces import Detector, Face
    from moue.faces.face import Box
    from moue.serve.metrics import Metrics
    from moue.serve.settings import Settings
    from moue.serve.uploads import Upload

_log: Final = logging.getLogger("moue.serve")
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Model:
    """A model that the server runs.

    Attributes:
        name: Its name in requests.
        classifier: Predicts through `session`.
        session: Batches the calls of all requests.
    """

    name: str
    classifier: Classifier
    session: BatchingSession


@dataclasses.dataclass(frozen=True)
class Choices:
    """The options of an `analyze` request, see `moue.analyze`; a face with `maps` maps counts as that many faces."""

    model: str
    detector: str
    views: int
    unsure_below: float
    boxes: Sequence[Box] | None = None
    maps: int = 1


class _LimitedDetector:
    """A detector that stops a request with too many faces."""

    def __init__(self, detector: Detector, max_faces: int) -> None:
        self.name = detector.name
        self._detector = detector
        self._max_faces = max_faces
        self._num_faces = 0

    def detect(self, image: NDArray[np.uint8]) -> list[Face]:
        faces = self._detector.detect(image)
        self._num_faces += len(faces)
        if self._num_faces > self._max_faces:
            raise too_many_faces(self._num_faces, self._max_faces)
        return faces


class Engine:
    """Processes images in a few threads; a server creates one.

    Args:
        settings: The settings of the server.
        metrics: Counts batches and results.

    Raises:
        MoueError: a model or the detector cannot be loaded, or two models have the same name.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.settings = settings
        self._metrics = metrics
        self._limits = ImageLimits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels)
        self.detectors = _load_detectors(settings)
        self.models: dict[str, Model] = {}
        for name_or_path in settings.models:
            model = _load_model(name_or_path, settings, metrics.count_batch)
            if model.name in self.models:
                raise SettingError(
                    f"two models are called {model.name}", "names that differ", "Rename one of the files."
                )
            self.models[model.name] = model
        self._workers: ThreadPoolExecutor | None = None

    @property
    def default_model(self) -> str:
        """The model of requests that name none."""
        return next(iter(self.models))

    def start(self) -> None:
        """Start the threads."""
        self._workers = ThreadPoolExecutor(self.settings.workers or usable_cpus(), "moue-image")
        for model in self.models.values():
            model.session.start()

    def close(self) -> None:
        """Stop the threads after the work in progress."""
        if self._workers is not None:
            self._workers.shutdown(cancel_futures=True)
        for model in self.models.values():
            model.session.close()

    def model(self, name: str) -> Model:
        """Return a model by name, the default one for an empty name.

        Raises:
            MoueError: there is no such model.
        """
        model = self.models.get(name or self.default_model)
        if model is None:
            raise MoueError(f"there is no model {name!r:.80}", f"one of {', '.join(self.models)}", "See /v1/models.")
        return model

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 (the function's)
        """Run a function in one of the threads that process images."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)

    async def analyze(self, uploads: Sequence[Upload], choices: Choices) -> list[ImageResult]:
        """Return one result for each image, in order, without its pixels.

        Raises:
            MoueError: an option is wrong, or the images have too many faces.
        """
        return await self.analyze_with(uploads, choices, _without_pixels)

    async def analyze_with(
        self, uploads: Sequence[Upload], choices: Choices, convert: Callable[[ImageResult], _T]
    ) -> list[_T]:
        """Analyze images and return the converted results, in order.

        Args:
            uploads: The images.
            choices: How to analyze them.
            convert: Called in the worker thread, with a result that holds its pixels.

        Raises:
            MoueError: as `analyze`, or from `convert`.
        """
        max_faces = max(1, self.settings.max_faces // choices.maps)
        boxes = _checked(choices.boxes, uploads, max_faces)
        analyzer = self._analyzer(choices, max_faces)
        jobs = [self.in_thread(self._analyze_one, analyzer, upload, boxes, convert) for upload in uploads]
        converted: list[_T] = await asyncio.gather(*jobs)
        return converted

    def _analyzer(self, choices: Choices, max_faces: int) -> Analyzer:
        return Analyzer(
            self.model(choices.model).classifier,
            _LimitedDetector(self._detector(choices.detector), max_faces),
            unsure_below=choices.unsure_below,
            views=choices.views,
            limits=self._limits,
        )

    def _analyze_one(
        self,
        analyzer: Analyzer,
        upload: Upload,
        boxes: Sequence[Box] | None,
        convert: Callable[[ImageResult], _T],
    ) -> _T:
        return convert(dataclasses.replace(self._result_of(analyzer, upload, boxes), file=upload.name))

    def _result_of(self, analyzer: Analyzer, upload: Upload, boxes: Sequence[Box] | None) -> ImageResult:
        try:
            result = analyzer.analyze(upload.content, boxes=boxes)
        except MoueError:
            raise
        except Exception as error:  # noqa: BLE001 (decoders and runtimes raise all kinds of errors)
            # One image must not cost the others their results. The error's message could contain image content.
            _log.error("an image failed: %s", type(error).__name__, exc_info=error)
            result = ImageResult("", Status.FAILED, message="moue failed on this image")
        self._metrics.count_image(str(result.status), len(result.faces))
        return result

    async def classify(self, uploads: Sequence[Upload], choices: Choices) -> list[dict[str, Any]]:
        """Return the prediction for each face crop, in order, as JSON values.

        Raises:
            MoueError: there is no such model.
        """
        model = self.model(choices.model)
        return await asyncio.gather(*(self._classify_one(model, upload, choices.unsure_below) for upload in uploads))

    async def _classify_one(self, model: Model, upload: Upload, unsure_below: float) -> dict[str, Any]:
        status, message, face = await self.in_thread(self._open_face, model, upload)
        common: dict[str, Any] = {"file": upload.name, "status": str(status), "message": message}
        self._metrics.count_image(str(status), face is not None)
        if face is None:
            return {
                **common,
                "emotion": None,
                "confidence": None,
                "unsure": None,
                "probabilities": {},
                "not_face": None,
            }
        outputs = await asyncio.wrap_future(model.session.submit(face))
        y_prob = map(float, outputs[EXPRESSION][0])
        probabilities = dict(zip(model.classifier.class_names, y_prob, strict=True))
        emotion = max(probabilities, key=probabilities.__getitem__)
        confidence = probabilities[emotion]
        return {
            **common,
            "emotion": emotion,
            "confidence": confidence,
            "unsure": confidence < unsure_below,
            "probabilities": probabilities,
            "not_face": float(outputs[NOT_FACE][0, 0]),
        }

    def _open_face(self, model: Model, upload: Upload) -> tuple[Status, str, NDArray[np.float32] | None]:
        decoded = decode(upload.content, self._limits)
        face = None if decoded.image is None else prepare([decoded.image], model.classifier.input)
        return decoded.status, decoded.message, face

    async def infer(self, model: Model, batch: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
        """Return all outputs of the model for prepared faces, float32 (N, height, width, 1)."""
        return await asyncio.wrap_future(model.session.submit(batch))

    def _detector(self, name: str) -> Detector:
        detector = self.detectors.get(name or AUTO)
        if detector is None:
            raise MoueError(f"there is no detector {name!r:.80}", f"one of {', '.join(self.detectors)}")
        return detector


def too_many_faces(num_faces: int, max_faces: int) -> HttpError:
    """Return the error for a request with too many faces."""
    return HttpError(
        413, f"the images hold {num_faces:,} faces or more", f"{max_faces:,} at most", "Send fewer images at once."
    )


def _checked(boxes: Sequence[Box] | None, uploads: Sequence[Upload], max_faces: int) -> Sequence[Box] | None:
    if boxes is None:
        return None
    if len(uploads) != 1:
        raise MoueError(
            f"boxes are given for {len(uploads)} images", "boxes for one image", "Analyze the images one by one."
        )
    if len(boxes) > max_faces:
        raise too_many_faces(len(boxes), max_faces)
    return boxes


def _without_pixels(result: ImageResult) -> ImageResult:
    # Drop the pixels at once: those of all images of all requests would fill the memory.
    return dataclasses.replace(result, pixels=None)


def _load_model(name_or_path: str | Path, settings: Settings, on_batch: Callable[[int], None]) -> Model:
    plain = Classifier.load(
        name_or_path, threads=settings.threads or max(1, usable_cpus() // 2), device=settings.device
    )
    sessions: list[BatchingSession] = []

    def batched(session: Any) -> BatchingSession:  # noqa: ANN401 (ONNX Runtime has no types)
        sessions.append(BatchingSession(session, settings.batch_size, on_batch))
        return sessions[0]

    classifier = plain.through(batched)
    open_features(classifier)
    return Model(display_name(name_or_path), classifier, sessions[0])


def _load_detectors(settings: Settings) -> dict[str, Detector]:
    """Return the detectors that requests can choose: the server's default as ``auto``, and all available ones."""
    chosen = make_detector(settings.detector, model=settings.detector_model)
    others = {name: kind.make() for name, kind in detectors().items() if name != chosen.name and kind.available()}
    return {AUTO: chosen, chosen.name: chosen, **others}
