"""The OpenAPI document holds: answers to requests made from it are those that it describes."""

import pytest
from hypothesis import Phase, given, settings

from moue.serve.app import create_app
from moue.serve.settings import Settings

schemathesis = pytest.importorskip("schemathesis")

BRIEFLY = settings(max_examples=6, phases=(Phase.explicit, Phase.generate))


@pytest.fixture(scope="module")
def described():
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
def test_every_answer_is_as_described(described, method, path):
    # What a schema cannot say, such as that a box must lie in its image, may be refused.
    without = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
    operation = described[path][method]

    @BRIEFLY
    @given(case=operation.as_strategy())
    def check(case):
        case.call_and_validate(excluded_checks=without)

    check()
