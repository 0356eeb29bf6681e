"""The server's responses, for its OpenAPI document; docs/results.md describes the fields."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from moue.media.decode import Status  # noqa: TC001 (pydantic reads the annotation)
from moue.serve.problems import MEDIA_TYPE

Probability = Annotated[float, Field(ge=0, le=1.001)]
_FACE: Final[dict[str, Any]] = {
    "box": [100.2, 164.1, 131.0, 168.4],
    "emotion": "happy",
    "confidence": 0.93,
    "probabilities": {"angry": 0.01, "happy": 0.93, "neutral": 0.06},
    "unsure": False,
    "landmarks": None,
    "face_score": 0.98,
}
_IMAGE: Final[dict[str, Any]] = {
    "file": "party.jpg",
    "status": "ok",
    "width": 320,
    "height": 480,
    "detector": "own",
    "faces": [_FACE],
    "message": "",
    "timings": {"decode_ms": 2.1, "detection_ms": 20.4, "preprocess_ms": 0.4, "inference_ms": 1.2},
}
_MAP: Final[dict[str, Any]] = {
    "emotion": "happy",
    "evidence": [[-0.021, 0.0134], [0.4127, 0.3862]],
    "log_odds": 2.5867,
    "constant": 1.7954,
    "method": "class map",
    "shift": 0.0417,
}


class Face(BaseModel):
    """One face."""

    box: Annotated[list[float], Field(min_length=4, max_length=4, description="x, y, width, height in pixels.")]
    emotion: Annotated[str, Field(description="The class with the highest probability.")]
    confidence: Annotated[Probability, Field(description="Its calibrated probability.")]
    probabilities: Annotated[dict[str, Probability], Field(description="The probability of each class.")]
    unsure: Annotated[bool, Field(description="Whether the confidence is below unsure_below.")]
    landmarks: Annotated[
        list[list[float]] | None,
        Field(description="Right eye, left eye, nose tip, right and left corner of the mouth."),
    ]
    face_score: Annotated[Probability, Field(description="The detector's confidence that this is a face.")]


class Timings(BaseModel):
    """Milliseconds of wall time."""

    decode_ms: float
    detection_ms: float
    preprocess_ms: float
    inference_ms: float


class Image(BaseModel):
    """One image."""

    model_config = ConfigDict(json_schema_extra={"examples": [_IMAGE]})
    file: Annotated[str, Field(description="The file name as sent; empty for JSON requests.")]
    status: Status
    width: int
    height: int
    detector: str
    faces: list[Face]
    message: str
    timings: Timings


class Analysis(BaseModel):
    """The results for the images of a request, in the same order."""

    format: Literal["moue-results"]
    version: Literal[1]
    model: str
    class_names: list[str]
    results: list[Image]


class Map(BaseModel):
    """Which parts of a face are evidence for a class rather than for its rivals."""

    emotion: Annotated[str, Field(description="The class explained.")]
    evidence: Annotated[
        list[list[float]],
        Field(description="Rows of places from the upper left of the face: log-odds for the class, or against it."),
    ]
    log_odds: Annotated[float, Field(description="log(p / (1 - p)) of the class for the face as it was cut out.")]
    constant: Annotated[float, Field(description="The part of log_odds that belongs to no place.")]
    method: Annotated[str, Field(description='"class map" or "occlusion"; a class map and its constant add up.')]
    shift: Annotated[
        float,
        Field(
            description="How far the places are to the right of and below an even tiling, as a fraction of the side."
        ),
    ]


class ExplainedFace(BaseModel):
    """One face and its maps."""

    face: Face
    maps: Annotated[list[Map], Field(min_length=1, description="One for each requested class.")]


class ExplainedImage(Image):
    """One image with explained faces."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**_IMAGE, "faces": [{"face": _FACE, "maps": [_MAP]}]}]})
    faces: list[ExplainedFace]  # type: ignore[assignment]


class Explained(BaseModel):
    """The explanations for the images of a request, in the same order."""

    model: str
    class_names: list[str]
    results: list[ExplainedImage]


class Classified(BaseModel):
    """The result for one face crop; the prediction is null if the image could not be read."""

    file: str
    status: Status
    message: str
    emotion: str | None
    confidence: Probability | None
    unsure: bool | None
    probabilities: dict[str, Probability]
    not_face: Annotated[Probability | None, Field(description="The probability that this is not a face.")]


class Classification(BaseModel):
    """The results for the face crops of a request, in the same order."""

    model: str
    class_names: list[str]
    results: list[Classified]


class ModelAbout(BaseModel):
    """A model that the server runs."""

    name: str
    class_names: list[str]
    heads: Annotated[list[str], Field(description="The raw heads besides expression; /v2 returns them.")]
    input: Annotated[dict[str, Any], Field(description="How faces are cropped and passed to the model.")]
    onnx_sha256: str
    fingerprint: Annotated[str, Field(description="Changes whenever the predictions may change.")]


class Models(BaseModel):
    """The models and detectors to choose from, and the limits."""

    default: str
    models: list[ModelAbout]
    detectors: list[str]
    limits: dict[str, int | float]


class Health(BaseModel):
    """The state of the server."""

    status: Literal["live", "ready", "draining"]


class Problem(BaseModel):
    """An error, as RFC 9457 describes it; `came`, `expected` and `fix` are its three parts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank",
                    "title": "Request Entity Too Large",
                    "status": 413,
                    "detail": "33 images or more\nexpected 32 at most\nSend several requests.",
                    "came": "33 images or more",
                    "expected": "32 at most",
                    "fix": "Send several requests.",
                }
            ]
        }
    )
    type: str
    title: str
    status: int
    detail: str
    came: str
    expected: str
    fix: str
    error: Annotated[str, Field(description="The detail again; only under /v2.")] = ""


class Tensor(BaseModel):
    """A tensor of the Open Inference Protocol."""

    name: str
    datatype: str
    shape: list[int]


class ServerMetadata(BaseModel):
    """The server, as the Open Inference Protocol describes it."""

    name: str
    version: str
    extensions: list[str]


class ModelMetadata(BaseModel):
    """A model, as the Open Inference Protocol describes it."""

    name: str
    versions: list[str]
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]


class Live(BaseModel):
    """Whether the server runs."""

    live: bool


class Ready(BaseModel):
    """Whether the server accepts requests."""

    ready: bool


class ModelReady(Ready):
    """Whether a model is ready."""

    name: str


class OutputTensor(Tensor):
    """An output of the model; if it follows the JSON as bytes, `parameters` has their number and there is no `data`."""

    data: list[float] | None = None
    parameters: dict[str, int] | None = None


class InferResponse(BaseModel):
    """The outputs of the model."""

    model_config = ConfigDict(protected_namespaces=())
    model_name: str
    model_version: str
    id: str = ""
    outputs: list[OutputTensor]


_REASONS: Final = {
    400: "The request cannot be read.",
    401: "The API key is missing or wrong.",
    404: "There is no such model.",
    405: "This path does not accept this method.",
    408: "The body did not arrive in time.",
    413: "Too many bytes, images or faces.",
    415: "Unsupported content type.",
    422: "Something in the request is wrong.",
    500: "moue itself failed.",
    503: "The server is busy or shutting down; try again.",
    504: "The response took too long.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the errors of a route, for its entry in the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        status: {"description": _REASONS[status], "content": {MEDIA_TYPE: {"schema": schema}}} for status in statuses
    }
