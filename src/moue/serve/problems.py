"""Errors over HTTP: problem+json (RFC 9457) with the three parts that every error of moue has."""

from __future__ import annotations

import http
import json
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
_SHOWN: Final = 5  # faults of one request that are named


class HttpError(MoueError):
    """What is wrong with a request, and the status that says so.

    Args:
        status: The HTTP status.
        came: As for `MoueError`.
        expected: As for `MoueError`.
        fix: As for `MoueError`.
        headers: Further headers of the answer.
    """

    def __init__(
        self, status: int, came: str, expected: str = "", fix: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(came, expected, fix)
        self.status = status
        self.headers = dict(headers or {})


def busy(came: str) -> HttpError:
    """Return the refusal of a server that has enough to do."""
    return HttpError(503, came, "a moment with less to do", "Try again in a second.", headers={"Retry-After": "1"})


def problem_of(error: MoueError, status: int, *, protocol: bool = False) -> dict[str, Any]:
    """Return an error as the members of a problem.

    Args:
        error: What is wrong.
        status: The HTTP status.
        protocol: Also say it in ``error``, where clients of the Open Inference Protocol look for it.
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


def answer(path: str, error: MoueError, status: int = 422) -> Response:
    """Return the response that tells of an error in a request for `path`."""
    headers = {}
    if isinstance(error, HttpError):
        status, headers = error.status, error.headers
    content = json.dumps(problem_of(error, status, protocol=path.startswith("/v2")))
    return Response(content, status, headers, MEDIA_TYPE)


def invalid(faults: Sequence[Any], status: int = 422) -> HttpError:
    """Return what a validation found, without repeating what was sent."""
    told = [f"{'.'.join(map(str, fault['loc'])) or 'the body'}: {fault['msg']}" for fault in faults[:_SHOWN]]
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return HttpError(
        status, "; ".join(told) + more, "a request as /openapi.json describes it", "Correct the named parts."
    )


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""

    def of_moue(request: Request, error: Exception) -> Response:
        assert isinstance(error, MoueError)  # noqa: S101 (for mypy: the handler's own class)
        return answer(request.url.path, error)

    def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError | ValidationError)  # noqa: S101 (as above)
        return answer(request.url.path, invalid(error.errors()))

    def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 (as above)
        return answer(request.url.path, _explained(request, error))

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
