"""What a browser gets at ``/``: the built page, or else a plain one that sends images to this server."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles

from moue.page import folder

if TYPE_CHECKING:
    from fastapi import FastAPI, Request, Response

_PLAIN: Final = Path(__file__).parent / "plain.html"
# Scripts, workers and WebAssembly of the page itself; nothing from elsewhere, and nothing to elsewhere.
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


def add_page(app: FastAPI) -> str:
    """Add the page to an application; it comes after all other addresses. Returns its Content-Security-Policy."""
    built = folder()
    if built is not None:
        _add_built(app, built)
        return _PAGE_POLICY
    text = _PLAIN.read_text(encoding="utf-8")

    @app.get("/", include_in_schema=False)
    async def plain() -> HTMLResponse:
        return HTMLResponse(text, headers={"Cache-Control": "no-cache"})

    return _PLAIN_POLICY.format(scripts=_hashes(text, "script"), styles=_hashes(text, "style"))


def _add_built(app: FastAPI, built: Path) -> None:
    """Add an address for each file and folder: a mount at ``/`` would answer for the API, with 404 in place of 405."""
    files = StaticFiles(directory=built)

    async def answer(request: Request) -> Response:
        return await files.get_response(request.url.path.strip("/") or "index.html", request.scope)

    app.add_route("/", answer, include_in_schema=False)
    for entry in sorted(built.iterdir()):
        if entry.is_dir():
            app.mount(f"/{entry.name}", StaticFiles(directory=entry), name=entry.name)
        else:
            app.add_route(f"/{entry.name}", answer, include_in_schema=False)


def _hashes(text: str, tag: str) -> str:
    """Return the sources of a policy that allow exactly the scripts or styles in a text."""
    parts = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts)
    return " ".join(f"'sha256-{digest}'" for digest in digests)
