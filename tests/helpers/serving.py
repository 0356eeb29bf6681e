"""What tests of the server share."""

from moue.serve.schemas import Problem


def files(*contents):
    """Return files for a request."""
    return [("image", (f"{number}.png", content)) for number, content in enumerate(contents)]


def refused(answer, status, *words):
    """Check that a request was refused with a problem that says these words."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate(answer.json())
    assert problem.status == status
    assert problem.came
    for word in words:
        assert word in problem.detail
    return problem
