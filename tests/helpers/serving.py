"""Helpers that tests of the server share."""

import io

from PIL import Image

from moue.serve.schemas import Problem


def files(*contents):
    """Return files for a request."""
    return [("image", (f"{number}.png", content)) for number, content in enumerate(contents)]


def png(image) -> bytes:
    """Return pixels as a PNG file."""
    content = io.BytesIO()
    Image.fromarray(image).save(content, "PNG")
    return content.getvalue()


def refused(response, status, *words):
    """Check that a request was refused with a problem that contains these words."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate(response.json())
    assert problem.status == status
    assert problem.came
    for word in words:
        assert word in problem.detail
    return problem
