"""`/v1/analyze` and `/v1/classify`: expressions in images and in face crops."""

from __future__ import annotations

import functools
import json
import math
from typing import TYPE_CHECKING, Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from moue.errors import MoueError
from moue.recognition.image_result import FORMAT, VERSION
from moue.serve.drawing import JPEG, PNG, annotated_file
from moue.serve.engine import Choices, Engine
from moue.serve.problems import HttpError
from moue.serve.schemas import Analysis, Classification, problems
from moue.serve.uploads import JSON, MULTIPART, receive_images
from moue.serve.waiting import in_time

if TYPE_CHECKING:
    from moue.serve.gate import Gate

_FILES: Final = {
    "type": "object",
    "required": ["image"],
    "additionalProperties": False,
    "properties": {
        "image": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "contentMediaType": "application/octet-stream", "format": "binary"},
            "description": "One file or many; the part may have any name.",
        }
    },
}
BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {"schema": _FILES},
            JSON: {"schema": {"$ref": "#/components/schemas/ImagesBody"}},
        },
    }
}
_BOX: Final = r"^-?\d{1,5},-?\d{1,5},[1-9]\d{0,4},[1-9]\d{0,4}$"
ERRORS: Final = (400, 401, 405, 408, 413, 415, 422, 500, 503, 504)


def _box(text: str) -> str:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)) or min(numbers[2:]) <= 0:
        raise ValueError("four numbers x,y,width,height in pixels, the last two above 0")
    return text


class FaceOptions(BaseModel):
    """Options of a request with face crops."""

    model_config = ConfigDict(extra="forbid")
    model: Annotated[str, Field(description="A name that /v1/models lists; the first one by default.")] = ""
    unsure_below: Annotated[float, Field(ge=0, le=1, description="Confidence below which a prediction is unsure.")] = (
        0.5
    )


class ImageOptions(FaceOptions):
    """Options of a request with images, as for `moue.analyze`."""

    detector: Annotated[str, Field(description="A name that /v1/models lists; none: each image is one face.")] = ""
    views: Annotated[int, Field(ge=1, le=3, description="Number of crops of each face to average over.")] = 3
    boxes: Annotated[
        list[
            Annotated[
                str, AfterValidator(_box), Field(json_schema_extra={"pattern": _BOX, "examples": ["10,20,90,90"]})
            ]
        ],
        Field(description="Where the faces are, for a single image: x,y,width,height; repeat it for each face."),
    ] = []

    def choices(self, maps: int = 1) -> Choices:
        """Return the options in the form that the engine takes."""
        boxes = [tuple(map(float, text.split(","))) for text in self.boxes] or None
        return Choices(self.model, self.detector, self.views, self.unsure_below, boxes, maps)


class AnalyzeOptions(ImageOptions):
    """Options of a request for results."""

    annotate: Annotated[bool, Field(description="Return the annotated image, for a single image.")] = False


def images_router(engine: Engine, gate: Gate) -> APIRouter:
    """Return the routes that take images."""
    router = APIRouter(tags=["images"])
    settings = engine.settings
    drawings = {kind: {"schema": {"type": "string", "format": "binary"}} for kind in (JPEG, PNG)}

    @router.post(
        "/v1/analyze",
        response_model=Analysis,
        responses={200: {"content": drawings}, **problems(*ERRORS)},
        openapi_extra=BODY,
        summary="Name the expression of each face in images",
    )
    async def analyze(request: Request, options: Annotated[AnalyzeOptions, Query()]) -> Response:
        choices = options.choices()
        model = engine.model(options.model)
        async with receive_images(request, gate, settings) as uploads:
            if options.annotate and len(uploads) != 1:
                raise MoueError(f"annotate is set for {len(uploads)} images", "one image", "Send them one by one.")
            with gate.working():
                if options.annotate:
                    kind = PNG if PNG in request.headers.get("accept", "") else JPEG
                    drawing = engine.analyze_with(uploads, choices, functools.partial(annotated_file, kind=kind))
                    (content,) = await in_time(request, drawing, settings.timeout_s)
                    return Response(content, media_type=kind)
                results = await in_time(request, engine.analyze(uploads, choices), settings.timeout_s)
        return json_response(
            {
                "format": FORMAT,
                "version": VERSION,
                "model": model.name,
                "class_names": list(model.classifier.class_names),
                "results": [result.to_dict() for result in results],
            }
        )

    @router.post(
        "/v1/classify",
        response_model=Classification,
        responses=problems(*ERRORS),
        openapi_extra=BODY,
        summary="Name the expression of face crops",
    )
    async def classify(request: Request, options: Annotated[FaceOptions, Query()]) -> Response:
        choices = Choices(options.model, "", 1, options.unsure_below)
        model = engine.model(options.model)
        async with receive_images(request, gate, settings) as uploads:
            with gate.working():
                if len(uploads) > settings.max_faces:
                    came = f"there are {len(uploads)} face crops"
                    raise HttpError(413, came, f"{settings.max_faces} at most", "Send several requests.")
                results = await in_time(request, engine.classify(uploads, choices), settings.timeout_s)
        names = list(model.classifier.class_names)
        return json_response({"model": model.name, "class_names": names, "results": results})

    return router


def json_response(content: dict[str, Any]) -> Response:
    """Return JSON in UTF-8."""
    return Response(json.dumps(content, ensure_ascii=False, allow_nan=False), media_type=JSON)
