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

    Its `state` has `engine` and `gate`, and `draining`, which whoever ends the server sets.

    Args:
        settings: The choices.

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
            await asyncio.to_thread(engine.close)  # meanwhile, who waits in vain is told so

    app = FastAPI(
        title="moue",
        version=version("moue"),
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.engine, app.state.gate, app.state.draining = engine, gate, False
    locked = _locks(settings.api_key)
    for router in (
        images_router(engine, gate),
        explain_router(engine, gate),
        models_router(engine, metrics),
        protocol_router(engine, gate),
    ):
        app.include_router(router, dependencies=locked)
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


def _locks(api_key: str) -> Sequence[Any]:
    """Return what guards the addresses that need the key."""
    if not api_key:
        return []

    def check(request: Request) -> None:
        check_key(request, api_key)

    # The first two only say in the OpenAPI document how the key is sent.
    schemes = (HTTPBearer(auto_error=False), APIKeyHeader(name="X-API-Key", auto_error=False))
    return [*(Depends(scheme) for scheme in schemes), Depends(check)]
