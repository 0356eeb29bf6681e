"""`/v1/explain`: which parts of each face led to the prediction."""

from __future__ import annotations

import enum
import functools
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from moue.errors import MoueError
from moue.recognition.explain import explain_result
from moue.serve.drawing import PNG, maps_file
from moue.serve.routes.images import BODY, ERRORS, ImageOptions, json_response
from moue.serve.schemas import Explained, problems
from moue.serve.uploads import receive_images
from moue.serve.waiting import in_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.classifier.classifier import Classifier
    from moue.recognition.image_result import ImageResult
    from moue.serve.engine import Engine
    from moue.serve.gate import Gate


class Format(enum.StrEnum):
    """How maps are returned."""

    JSON = "json"
    PNG = "png"


class ExplainOptions(ImageOptions):
    """Options of a request for maps."""

    emotion: Annotated[
        list[str],
        Field(
            default_factory=list,
            description="A class to explain; repeat it for more classes. By default, the predicted class of each face.",
        ),
    ]
    format: Annotated[Format, Field(description="Numbers, or a drawing of the faces in one image.")] = Format.JSON


def explain_router(engine: Engine, gate: Gate) -> APIRouter:
    """Return the route that explains predictions."""
    router = APIRouter(tags=["images"])
    settings = engine.settings
    drawing = {PNG: {"schema": {"type": "string", "format": "binary"}}}

    @router.post(
        "/v1/explain",
        response_model=Explained,
        responses={200: {"content": drawing}, **problems(*ERRORS)},
        openapi_extra=BODY,
        summary="Show which parts of each face led to the prediction",
    )
    async def explain(request: Request, options: Annotated[ExplainOptions, Query()]) -> Response:
        model = engine.model(options.model)
        classifier = model.classifier
        emotions = _checked(options.emotion, classifier)
        choices = options.choices(maps=len(emotions))
        async with receive_images(request, gate, settings) as uploads:
            if options.format is Format.PNG:
                _need_one(len(uploads), len(emotions))
            with gate.working():
                if options.format is Format.PNG:
                    draw = functools.partial(maps_file, classifier=classifier, emotion=emotions[0])
                    (content,) = await in_time(request, engine.analyze_with(uploads, choices, draw), settings.timeout_s)
                    return Response(content, media_type=PNG)
                make = functools.partial(_maps_of, classifier=classifier, emotions=emotions)
                results = await in_time(request, engine.analyze_with(uploads, choices, make), settings.timeout_s)
        return json_response({"model": model.name, "class_names": list(classifier.class_names), "results": results})

    return router


def _checked(emotions: Sequence[str], classifier: Classifier) -> list[str]:
    """Return each class once; an empty name stands for the predicted class of a face."""
    for emotion in emotions:
        if emotion not in classifier.class_names:
            raise MoueError(f"unknown class {emotion!r:.80}", f"one of {', '.join(classifier.class_names)}")
    return list(dict.fromkeys(emotions)) or [""]


def _need_one(num_images: int, num_emotions: int) -> None:
    if num_images != 1:
        raise MoueError(f"a drawing is requested for {num_images} images", "one image", "Send them one by one.")
    if num_emotions != 1:
        raise MoueError(f"a drawing is requested for {num_emotions} classes", "one class", "Request them one by one.")


def _maps_of(result: ImageResult, classifier: Classifier, emotions: Sequence[str]) -> dict[str, Any]:
    """Return a result as JSON values, its faces with their maps."""
    explained = [explain_result(result, model=classifier, emotion=emotion) for emotion in emotions if result.faces]
    by_face = zip(*(explanation.faces for explanation in explained), strict=True)
    # The face is written once, not with each of its maps.
    maps = [[{key: value for key, value in one.to_dict().items() if key != "face"} for one in each] for each in by_face]
    faces = [{"face": face.to_dict(), "maps": each} for face, each in zip(result.faces, maps, strict=True)]
    return {**result.to_dict(), "faces": faces}
