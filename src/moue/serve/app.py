"""`create_app`: the whole server as an ASGI application."""

from __future__ import annotations

import asyncio
import contextlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from fastapi import Depends, FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import APIKeyHeader, HTTPBearer

from moue.serve import problems
from moue.serve.document import describe
from moue.serve.engine import Engine
from moue.serve.gate import Gate, check_key
from moue.serve.guard import Guard
from moue.serve.metrics import Metrics
from moue.serve.page import add_page
from moue.serve.routes.about import health_router, models_router
from moue.serve.routes.explain import explain_router
from moue.serve.routes.images import images_router
from moue.serve.routes.inference import protocol_health_router, protocol_router

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from typing import Any

    from moue.serve.settings import Settings

_ABOUT: Final = (
    "Facial expression recognition. An expression is not a feeling: read the limits of use in the documentation. "
    "Images are processed in memory; nothing is stored, and no URL is fetched."
)


def create_app(settings: Settings) -> FastAPI:
    """Load the models and return the server as an application.

    Its `state` has `engine`, `gate` and `draining`. Set `draining` to true before the server shuts down.

    Args:
        settings: The settings of the server.

    Raises:
        MoueError: a model or a detector cannot be loaded.
    """
    metrics = Metrics()
    engine = Engine(settings, metrics)
    gate = Gate(settings)
    metrics.watch(gate)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        engine.start()
        try:
            yield
        finally:
            await asyncio.to_thread(engine.close)  # meanwhile, waiting requests get an error

    app = FastAPI(
        title="moue",
        version=version("moue"),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.engine, app.state.gate, app.state.draining = engine, gate, False
    key_required = _key_dependencies(settings.api_key)
    for router in (
        images_router(engine, gate),
        explain_router(engine, gate),
        models_router(engine, metrics),
        protocol_router(engine, gate),
    ):
        app.include_router(router, dependencies=key_required)
    for router in (health_router(), protocol_health_router()):
        app.include_router(router)
    problems.install(app)
    describe(app, engine)
    policy = add_page(app, engine)
    if settings.cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
        )
    app.add_middleware(Guard, metrics=metrics, page_policy=policy, shared=bool(settings.cors))
    return app


def _key_dependencies(api_key: str) -> Sequence[Any]:
    """Return the dependencies of routes that need the key."""
    if not api_key:
        return []

    def check(request: Request) -> None:
        check_key(request, api_key)

    # The first two only describe in the OpenAPI document how to send the key.
    schemes = (HTTPBearer(auto_error=False), APIKeyHeader(name="X-API-Key", auto_error=False))
    return [*(Depends(scheme) for scheme in schemes), Depends(check)]
