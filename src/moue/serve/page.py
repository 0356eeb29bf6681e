"""What a browser gets at ``/``: the built page, or a plain page that sends images to this server."""

from __future__ import annotations

import base64
import hashlib
import html
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi.responses import HTMLResponse, Response
from fastapi.staticfiles import StaticFiles

from moue.classifier.locate import WEIGHTS
from moue.errors import MoueError
from moue.page import folder
from moue.page.detector import YUNET, PageDetector
from moue.page.model import LICENCES, LIST, MANIFEST, PageModel
from moue.serve.uploads import JSON

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

    from moue.serve.engine import Engine

_log: Final = logging.getLogger("moue.serve")
_BINARY: Final = "application/octet-stream"
_TEXT: Final = "text/plain; charset=utf-8"
_IMMUTABLE: Final = "max-age=31536000, immutable"  # the name changes with the contents
_BUILD: Final = "To get it, run make page in moue's source folder and restart moue serve."
_PLAIN: Final = Path(__file__).parent / "plain.html"
# The page's own scripts, workers and WebAssembly; nothing is loaded from or sent to other hosts.
_PAGE_POLICY: Final = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:; "
    "connect-src 'self' blob: data:; img-src 'self' blob: data:; media-src 'self' blob:; "
    "style-src 'self' 'unsafe-inline'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_PLAIN_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; img-src blob: data:; script-src {scripts}; style-src {styles}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def add_page(app: FastAPI, engine: Engine) -> str:
    """Add the page to an application, after all other routes; return its Content-Security-Policy."""
    built = folder()
    if built is None:
        return _add_plain(app, _BUILD)
    try:
        model = _page_model(engine)
    except MoueError as error:
        _log.warning("serving the plain page: %s", error.came)
        return _add_plain(app, f"{error.came[0].upper()}{error.came[1:]}.")
    _add_model(app, model, built)
    _add_built(app, built)
    return _PAGE_POLICY


def _page_model(engine: Engine) -> PageModel:
    """Return the default model for the page, with YuNet if the user chose it.

    Raises:
        MoueError: the page cannot run one of them, or people without a key would get it.
    """
    settings, model = engine.settings, engine.models[engine.default_model]
    if settings.api_key and model.classifier.path.parent != WEIGHTS:
        raise MoueError("the page would give this model to people who have no key", "a shipped model, or no key")
    # The server uses YuNet by default if it is installed; the page's visitors would have to download it.
    chosen = settings.detector == YUNET or settings.detector_model is not None
    detector = PageDetector.load(settings.detector_model) if chosen else None
    if detector is not None and settings.api_key and not detector.is_known:
        raise MoueError("the page would give this detector to people who have no key", "the known YuNet, or no key")
    return PageModel.of(model.classifier, model.name).with_detector(detector)


def _add_model(app: FastAPI, model: PageModel, built: Path) -> None:
    """Serve the model files in place of those that were built into the page."""
    file_list, licences = built / LIST, built / LICENCES
    files = {MANIFEST: (model.manifest_text().encode(), JSON)}
    files.update({name: (content, _BINARY) for name, content in model.files.items()})
    if file_list.exists():
        files[LIST] = model.listed(file_list.read_text(encoding="utf-8")).encode(), JSON
    if model.detector is not None:
        others = licences.read_text(encoding="utf-8") if licences.exists() else ""
        files[LICENCES] = model.detector.licences(others).encode(), _TEXT

    async def send_file(request: Request) -> Response:
        name = request.url.path.strip("/")
        content, kind = files[name]
        return Response(
            content, media_type=kind, headers={"Cache-Control": _IMMUTABLE if name in model.files else "no-cache"}
        )

    for name in files:
        app.add_route(f"/{name}", send_file, methods=["GET", "HEAD"], include_in_schema=False)


def _add_plain(app: FastAPI, reason: str) -> str:
    text = _PLAIN.read_text(encoding="utf-8").replace("{why}", html.escape(reason))

    @app.get("/", include_in_schema=False)
    async def plain() -> HTMLResponse:
        return HTMLResponse(text, headers={"Cache-Control": "no-cache"})

    return _PLAIN_POLICY.format(scripts=_hashes(text, "script"), styles=_hashes(text, "style"))


def _add_built(app: FastAPI, built: Path) -> None:
    """Add a route for each file and folder: a mount at ``/`` would catch API requests and return 404 instead of 405."""
    files = StaticFiles(directory=built)

    async def send_file(request: Request) -> Response:
        return await files.get_response(request.url.path.strip("/") or "index.html", request.scope)

    app.add_route("/", send_file, include_in_schema=False)
    for entry in sorted(built.iterdir()):
        if entry.is_dir():
            app.mount(f"/{entry.name}", StaticFiles(directory=entry), name=entry.name)
        else:
            app.add_route(f"/{entry.name}", send_file, include_in_schema=False)


def _hashes(text: str, tag: str) -> str:
    """Return policy sources that allow exactly the inline scripts or styles in a text."""
    parts = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
