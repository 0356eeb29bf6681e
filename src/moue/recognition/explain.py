"""`explain`: which parts of each face in an image its prediction is based on."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier.locate import DEFAULT_MODEL
from moue.classifier.maps import CLASS_MAP, face_maps
from moue.classifier.preprocess import fit
from moue.drawing.draw import save_drawing
from moue.drawing.evidence_sheet import draw_evidence
from moue.drawing.notebook import png_of, show_image
from moue.errors import MoueError
from moue.faces.crop import crop_face
from moue.faces.detectors.none import WholeImage
from moue.faces.face import Face
from moue.files import as_path
from moue.labels import class_among
from moue.recognition.analyze import analyze, as_classifier

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    from moue.classifier.input_spec import InputSpec
    from moue.classifier.maps import FaceMap
    from moue.faces import Detector
    from moue.faces.face import Box
    from moue.media.image_source import Source
    from moue.recognition.analyze import Model
    from moue.recognition.face_result import FaceResult
    from moue.recognition.image_result import ImageResult

_DRAWN: Final = 320  # pixels of a face that is kept for drawing


@dataclasses.dataclass(frozen=True, eq=False)
class FaceExplanation:
    """Which parts of one face support a class.

    Attributes:
        face: The face and its prediction.
        emotion: The class that is explained.
        evidence: float32 (h, w), from the upper left of `pixels`: log-odds for the class if above 0, for its rivals if
            below 0.
        log_odds: log(p / (1 - p)) of the class for the cropped face, from a single view.
        constant: The part of `log_odds` that no part of the face is responsible for.
        method: "class map" or "occlusion".
        shift: How far the cells of `evidence` are shifted to the right and down from an even tiling of the face, as a
            fraction of its side.
        pixels: The cropped face, larger than the model's input, uint8 (H, W).
    """

    face: FaceResult
    emotion: str
    evidence: NDArray[np.float32]
    log_odds: float
    constant: float
    method: str
    shift: float
    pixels: NDArray[np.uint8] = dataclasses.field(repr=False)

    @property
    def title(self) -> str:
        """The class that is explained, and its probability."""
        return f"{self.emotion} {_percent(self.face.probabilities[self.emotion])}"

    @property
    def subtitle(self) -> str:
        """The strongest rivals."""
        others = sorted((value, name) for name, value in self.face.probabilities.items() if name != self.emotion)
        return "rather than " + ", ".join(f"{name} {_percent(value)}" for value, name in others[:-3:-1])

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values, without the pixels."""
        return {
            "face": self.face.to_dict(),
            "emotion": self.emotion,
            "evidence": [[round(float(value), 4) for value in row] for row in self.evidence],
            "log_odds": round(self.log_odds, 4),
            "constant": round(self.constant, 4),
            "method": self.method,
            "shift": round(self.shift, 4),
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Explanation:
    """Which parts of the faces of an image their predictions are based on.

    Attributes:
        file: The path as it was given; empty for bytes and pixels.
        faces: In the order of the result, one or more.
    """

    file: str
    faces: tuple[FaceExplanation, ...]

    def plot(self, *, size: int = 240) -> Image.Image:
        """Return all faces on one sheet, plain and colored: orange supports the class, blue contradicts it.

        Args:
            size: Side of a face in pixels, 48 to 1000.

        Raises:
            MoueError: `size` is out of range.
        """
        if not 48 <= size <= 1000:
            raise MoueError(f"size is {size}", "48 to 1000 pixels")
        return draw_evidence(self.faces, _footer(self.faces[0].method), size=size)

    def show(self) -> None:
        """Show `plot()` in the notebook, or otherwise in the system's image viewer.

        Raises:
            MoueError: there is no viewer.
        """
        show_image(self.plot())

    def save(self, path: str | Path, *, overwrite: bool = False, size: int = 240) -> Path:
        """Write `plot()` to a file whose suffix names the format: .png, .jpg or .webp.

        Raises:
            MoueError: an unknown suffix, or the file exists and `overwrite` is false.
        """
        return save_drawing(self.plot(size=size), as_path(path, "the output"), overwrite=overwrite)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {"file": self.file, "faces": [face.to_dict() for face in self.faces]}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def _repr_png_(self) -> bytes:
        return png_of(self.plot())


def explain(
    source: Source,
    *,
    model: Model = DEFAULT_MODEL,
    detector: str | Detector = "auto",
    boxes: Sequence[Box] | None = None,
    emotion: str = "",
    method: str = "auto",
) -> Explanation:
    """Return which parts of each face in an image its prediction is based on.

    Args:
        source: As for `analyze`.
        model: As for `analyze`.
        detector: As for `analyze`.
        boxes: As for `analyze`.
        emotion: The class to explain; by default, the predicted class of each face.
        method: "class map" computes the exact contributions from the network's last feature map; "occlusion" covers
            the face piece by piece and works with any model; "auto" uses class maps if the model supports them.

    Raises:
        MoueError: as `analyze`; the image cannot be read or holds no face.
        SettingError: an unknown class or method.
    """
    emotion = _class_of(model, emotion)  # fails early
    result = analyze(source, model=model, detector=detector, boxes=boxes)
    return explain_result(result, model=model, emotion=emotion, method=method)


def explain_result(
    result: ImageResult, *, model: Model = DEFAULT_MODEL, emotion: str = "", method: str = "auto"
) -> Explanation:
    """As `explain`, for a result of `analyze`; `model` must be the model that predicted it."""
    if not result.faces:
        raise MoueError(
            f"{result.file or 'the image'}: {result.message or 'no face was found'}", "an image with a face in it"
        )
    classifier = as_classifier(model)
    image, spec = result.upright_pixels(), classifier.input
    large = dataclasses.replace(spec, height=_DRAWN, width=_DRAWN, channels=1, color="gray")
    whole = result.detector == WholeImage.name
    crops = [_crop(image, face, spec, whole=whole) for face in result.faces]
    emotion = _class_of(model, emotion)
    emotions = [emotion or face.emotion for face in result.faces]
    maps = face_maps(classifier, crops, emotions, method=method)
    faces = tuple(
        _joined(face, map_, _crop(image, face, large, whole=whole)[..., 0])
        for face, map_ in zip(result.faces, maps, strict=True)
    )
    return Explanation(result.file, faces)


def _class_of(model: Model, emotion: str) -> str:
    """Return the model's own name for a class; an empty name stays empty."""
    return class_among(emotion, as_classifier(model).class_names) if emotion else ""


def _joined(face: FaceResult, map_: FaceMap, pixels: NDArray[np.uint8]) -> FaceExplanation:
    return FaceExplanation(
        face, map_.emotion, map_.evidence, map_.log_odds, map_.constant, map_.method, map_.shift, pixels
    )


def _crop(image: NDArray[np.uint8], face: FaceResult, spec: InputSpec, *, whole: bool) -> NDArray[np.uint8]:
    """Return the first view of a face, uint8 (height, width, channels)."""
    if whole:
        return fit(image, spec)
    points = None if face.landmarks is None else np.array(face.landmarks, np.float32)
    return crop_face(image, Face(*face.box, points), spec)


def _percent(value: float) -> str:
    return "<1%" if value < 0.005 else f"{value:.0%}"


def _footer(method: str) -> str:
    if method == CLASS_MAP:
        return (
            "Log-odds at each of the model's places: evidence for this class rather than for its rivals. "
            "With a constant, they add up to the prediction. A line surrounds parts that reach half of the scale."
        )
    return (
        "Log-odds that the prediction loses when this place is covered. Each place is covered alone, so they do not "
        "add up to the prediction. A line surrounds parts that reach half of the scale."
    )
