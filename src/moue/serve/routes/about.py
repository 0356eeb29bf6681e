"""`/v1/models`, health and metrics: information about the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response

from moue.serve.metrics import MEDIA_TYPE
from moue.serve.schemas import Health, ModelAbout, Models, problems

if TYPE_CHECKING:
    from moue.serve.engine import Engine, Model
    from moue.serve.metrics import Metrics

_LIMITS: Final = ("max_bytes", "max_pixels", "max_files", "max_faces", "timeout_s", "upload_s", "queue")


def models_router(engine: Engine, metrics: Metrics) -> APIRouter:
    """Return the routes with information about the server."""
    router = APIRouter(tags=["server"])

    @router.get("/v1/models", responses=problems(401, 405), summary="List the models, the detectors and the limits")
    async def models() -> Models:
        return Models(
            default=engine.default_model,
            models=[_about(model) for model in engine.models.values()],
            detectors=list(engine.detectors),
            limits={name: getattr(engine.settings, name) for name in _LIMITS},
        )

    @router.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **problems(401, 405)},
        summary="Metrics for Prometheus",
    )
    async def show_metrics() -> Response:
        return Response(metrics.text(), media_type=MEDIA_TYPE)

    return router


def health_router() -> APIRouter:
    """Return the routes for health checks; they need no key."""
    router = APIRouter(tags=["server"])

    @router.get("/health/live", responses=problems(405), summary="Whether the process runs")
    async def live() -> Health:
        return Health(status="live")

    @router.get(
        "/health/ready",
        responses={503: {"model": Health, "description": "The server is shutting down."}, **problems(405)},
        summary="Whether the server accepts requests",
    )
    async def ready(request: Request, response: Response) -> Health:
        if request.app.state.draining:
            response.status_code = 503
            return Health(status="draining")
        return Health(status="ready")

    return router


def _about(model: Model) -> ModelAbout:
    classifier = model.classifier
    return ModelAbout(
        name=model.name,
        class_names=list(classifier.class_names),
        heads=[head.name for head in classifier.spec.heads],
        input=classifier.input.to_dict(),
        onnx_sha256=classifier.spec.onnx_sha256,
        fingerprint=classifier.fingerprint,
    )
