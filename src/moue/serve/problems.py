"""Errors over HTTP: problem+json (RFC 9457) with the three parts of every moue error."""

from __future__ import annotations

import http
import json
import re
from typing import TYPE_CHECKING, Any, Final

from fastapi import Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI, Request

MEDIA_TYPE: Final = "application/problem+json"
_PREFIX: Final = re.compile("^(Input should be |Value error, |List should have )| after validation, not.*$")
_MAX_SHOWN: Final = 5  # faults of one request
_SOURCES: Final = ("query", "path", "header")  # where short values come from, as FastAPI names it


class HttpError(MoueError):
    """An error in a request, with its HTTP status.

    Args:
        status: The HTTP status.
        came: As for `MoueError`.
        expected: As for `MoueError`.
        fix: As for `MoueError`.
        headers: Further headers of the response.
    """

    def __init__(
        self, status: int, came: str, expected: str = "", fix: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(came, expected, fix)
        self.status = status
        self.headers = dict(headers or {})


def busy(came: str) -> HttpError:
    """Return the error of a server that is too busy."""
    return HttpError(503, came, "a less busy moment", "Try again in a second.", headers={"Retry-After": "1"})


def problem_of(error: MoueError, status: int, *, protocol: bool = False) -> dict[str, Any]:
    """Return the members of a problem that describes an error.

    Args:
        error: The error.
        status: The HTTP status.
        protocol: Also add ``error``, where clients of the Open Inference Protocol look for the message.
    """
    members = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": str(error),
        "came": error.came,
        "expected": error.expected,
        "fix": error.fix,
    }
    return {**members, "error": str(error)} if protocol else members


def error_response(path: str, error: MoueError, status: int = 422) -> Response:
    """Return the response for an error in a request for `path`."""
    headers = {}
    if isinstance(error, HttpError):
        status, headers = error.status, error.headers
    content = json.dumps(problem_of(error, status, protocol=path.startswith("/v2")))
    return Response(content, status, headers, MEDIA_TYPE)


def invalid(faults: Sequence[Any], status: int = 422) -> HttpError:
    """Return the error for failed validations. It repeats options, but nothing of a body, which may be an image."""
    shown = [(_place(fault["loc"]), *_came_and_expected(fault)) for fault in faults[:_MAX_SHOWN]]
    more = f"; and {len(faults) - _MAX_SHOWN} more" if len(faults) > _MAX_SHOWN else ""
    came = "; ".join(f"{place} {came}" for place, came, _ in shown) + more
    expected = shown[0][2] if len(shown) == 1 else "; ".join(f"{place}: {wanted}" for place, _, wanted in shown)
    return HttpError(status, came, expected, "/openapi.json describes the whole request.")


def _place(loc: Sequence[str | int]) -> str:
    """Return where a fault is, in readable form: ``boxes[0]``."""
    parts = loc[1:] if loc and loc[0] in _SOURCES else loc
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
    return text.removeprefix(".") or "the body"


def _came_and_expected(fault: Any) -> tuple[str, str]:  # noqa: ANN401 (pydantic's own dictionary)
    kind, message = fault["type"], fault["msg"]
    if kind == "missing":
        return "is missing", "a value"
    if kind == "extra_forbidden":
        return "is not a known name", "only known names"
    if kind == "json_invalid":
        return f"is not JSON: {message.removeprefix('Invalid JSON: ')}", "JSON"
    shown = fault["loc"] and fault["loc"][0] in _SOURCES and "input" in fault
    came = f"is {fault['input']!r:.80}" if shown else "is wrong"
    limits = {"le": "or less", "ge": "or more"}
    bounds = [f"{fault['ctx'][name]:g} {words}" for name, words in limits.items() if name in fault.get("ctx", {})]
    return came, bounds[0] if bounds else _PREFIX.sub("", message).partition(", unable")[0]


def install(app: FastAPI) -> None:
    """Return every error of the application as a problem."""

    def of_moue(request: Request, error: Exception) -> Response:
        assert isinstance(error, MoueError)  # noqa: S101 (for mypy: the handler's own class)
        return error_response(request.url.path, error)

    def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)  # noqa: S101 (as above)
        return error_response(request.url.path, invalid(error.errors()))

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 (as above)
        return error_response(request.url.path, _explained(request, error))

    app.add_exception_handler(MoueError, of_moue)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(ValidationError, of_validation)
    app.add_exception_handler(HTTPException, of_http)


def _explained(request: Request, error: HTTPException) -> HttpError:
    headers = error.headers
    if error.status_code == http.HTTPStatus.NOT_FOUND:
        return HttpError(404, "there is nothing at this address", "one that /openapi.json lists", "Check the address.")
    if error.status_code == http.HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (headers or {}).get("Allow", "another method")
        return HttpError(405, f"the method is {request.method}", allowed, "Change the method.", headers=headers)
    return HttpError(error.status_code, str(error.detail), headers=headers)
