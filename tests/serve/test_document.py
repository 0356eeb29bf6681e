"""The OpenAPI document is correct: requests generated from it get the responses that it describes."""

import pytest
from hypothesis import Phase, given, settings

from moue.serve.app import create_app
from moue.serve.settings import Settings

schemathesis = pytest.importorskip("schemathesis")

QUICK = settings(max_examples=6, phases=(Phase.explicit, Phase.generate))


@pytest.fixture(scope="module")
def schema():
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(Settings(max_bytes=100_000)))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/analyze"),
        ("POST", "/v1/explain"),
        ("POST", "/v1/classify"),
        ("GET", "/v1/models"),
        ("GET", "/v2/models/{name}"),
        ("POST", "/v2/models/{name}/infer"),
    ],
)
def test_every_response_is_as_described(schema, method, path):
    # The server may refuse what a schema cannot express, such as that a box must lie inside its image.
    without = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
    operation = schema[path][method]

    @QUICK
    @given(case=operation.as_strategy())
    def check(case):
        case.call_and_validate(excluded_checks=without)

    check()
