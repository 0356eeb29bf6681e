"""The OpenAPI document: FastAPI's own, plus what FastAPI cannot know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moue.serve.routes.inference import InferRequest
from moue.serve.schemas import Problem
from moue.serve.uploads import ImagesBody

if TYPE_CHECKING:
    from fastapi import FastAPI

    from moue.serve.engine import Engine

# The routes parse these bodies themselves, so FastAPI does not add their schemas.
_SCHEMAS: Final = (ImagesBody, InferRequest, Problem)
_TEMPLATE: Final = "#/components/schemas/{model}"


def describe(app: FastAPI, engine: Engine) -> None:
    """Add the bodies, the errors, and the names of models, detectors and classes that requests may choose.

    Args:
        app: The application whose document is changed.
        engine: Provides the names.
    """
    default_openapi = app.openapi
    classes = dict.fromkeys(name for model in engine.models.values() for name in model.classifier.class_names)
    names = {
        "model": ["", *engine.models],
        "detector": ["", *engine.detectors],
        "name": list(engine.models),
        "emotion": list(classes),
    }

    def openapi() -> dict[str, Any]:
        document = default_openapi()
        schemas = document["components"]["schemas"]
        for model in _SCHEMAS:
            schema = model.model_json_schema(ref_template=_TEMPLATE)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        for path in document["paths"].values():
            for operation in path.values():
                for parameter in operation.get("parameters", ()):
                    if parameter["name"] in names:
                        value_schema = parameter["schema"]
                        value_schema.get("items", value_schema)["enum"] = names[parameter["name"]]
        return document

    app.openapi = openapi  # type: ignore[method-assign]
