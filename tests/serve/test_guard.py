"""Headers, logs, metrics, the page, and failures."""

import asyncio
import logging

import pytest

from helpers.serving import files, refused
from moue.serve.engine import Engine
from moue.serve.guard import Guard
from moue.serve.metrics import Metrics


def test_every_response_has_the_headers(client):
    for response in (client.get("/"), client.get("/v1/models"), client.get("/nothing"), client.post("/v1/analyze")):
        assert response.headers["cross-origin-opener-policy"] == "same-origin"
        assert response.headers["cross-origin-embedder-policy"] == "require-corp"
        assert response.headers["x-content-type-options"] == "nosniff"
        assert "default-src" in response.headers["content-security-policy"]
        assert "access-control-allow-origin" not in response.headers
    assert client.get("/v1/models").headers["cache-control"] == "no-store"


def test_the_settings_can_allow_other_origins(serve):
    client = serve(cors=("https://example.org",))
    for origin, allowed in (("https://example.org", True), ("https://example.com", False)):
        response = client.get("/v1/models", headers={"Origin": origin})
        assert ("access-control-allow-origin" in response.headers) is allowed
        preflight = {
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "X-API-Key",
        }
        assert client.options("/v1/analyze", headers=preflight).status_code == (200 if allowed else 400)


def test_no_file_names_and_no_content_are_logged(client, caplog):
    caplog.set_level(logging.DEBUG)
    secret = [("image", ("my-secret-name.jpg", b"secret-content"))]
    client.post("/v1/analyze?unsure_below=0.25", files=secret)
    client.get("/my-secret-name")
    client.post("/v1/analyze?model=my-secret-name", files=secret)
    client.post("/v1/classify", json={"images": ["my-secret-name"]})
    own = [record.getMessage() for record in caplog.records if record.name.startswith("moue")]
    assert len(own) == 4
    assert own[0].startswith("POST /v1/analyze 200 ")
    assert "secret" not in "".join(own)
    assert "secret" not in client.get("/metrics").text


def test_metrics_are_counted(serve, photo):
    client = serve()
    client.post("/v1/analyze", files=files(photo, b""))
    client.get("/nothing")
    metrics = client.get("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    for line in (
        'moue_requests_total{method="POST",route="/v1/analyze",status="200"} 1.0',
        'moue_requests_total{method="GET",route="page",status="404"} 1.0',
        'moue_images_total{status="ok"} 1.0',
        'moue_images_total{status="empty"} 1.0',
        "moue_faces_total 1.0",
        "moue_batch_faces_sum 3.0",  # three views of one face
        "moue_requests_waiting 0.0",
        "moue_buffered_bytes 0.0",
    ):
        assert line in metrics.text.splitlines()


def test_an_internal_error_is_a_problem_and_affects_only_its_image(serve, photo, monkeypatch):
    client = serve()

    def broken(*_arguments):
        raise ZeroDivisionError("my-secret")

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "_open_face", broken)
        refused(client.post("/v1/classify", files=files(photo)), 500, "moue failed")
        patch.setattr("moue.recognition.analyzer.crop_face", broken)
        content = client.post("/v1/analyze", files=files(photo, b"")).json()
    assert [one["status"] for one in content["results"]] == ["failed", "empty"]
    assert "secret" not in str(content)
    assert client.post("/v1/analyze", files=files(photo)).json()["results"][0]["status"] == "ok"


def test_requests_cancelled_at_shutdown_get_503():
    async def cut_off(*_channels):
        raise asyncio.CancelledError

    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    guard = Guard(cut_off, metrics=Metrics(), page_policy="", shared=False)
    asyncio.run(guard({"type": "http", "method": "POST", "path": "/v1/analyze"}, receive, send))
    assert sent[0]["status"] == 503
    assert b"the server is shutting down" in sent[1]["body"]
    assert not sent[-1].get("more_body")


def test_the_plain_page_allows_only_its_own_content(serve, monkeypatch):
    monkeypatch.setattr("moue.serve.page.folder", lambda: None)
    response = serve().get("/")
    policy = response.headers["content-security-policy"]
    assert response.headers["content-type"].startswith("text/html")
    assert "make page" in response.text
    assert "unsafe" not in policy
    assert policy.count("'sha256-") == 2
    assert "connect-src 'self'" in policy
    for outside in ("http://", "https://", "//cdn"):
        assert outside not in response.text.replace("http://www.w3.org/2000/svg", "")


def test_the_built_page_is_served_if_there_is_one(serve, monkeypatch, tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><title>built</title>")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "code.js").write_text("1")
    monkeypatch.setattr("moue.serve.page.folder", lambda: tmp_path)
    client = serve()
    assert "built" in client.get("/").text
    response = client.get("/assets/code.js")
    assert "javascript" in response.headers["content-type"]
    assert "'wasm-unsafe-eval'" in response.headers["content-security-policy"]
    refused(client.get("/assets/other.js"), 404)
    refused(client.get("/../pyproject.toml"), 404)
    assert client.get("/v1/models").status_code == 200
    refused(client.get("/v1/analyze"), 405, "POST")


def test_the_server_is_not_ready_while_it_shuts_down(serve):
    client = serve()
    assert client.get("/health/live").json() == {"status": "live"}
    assert client.get("/health/ready").json() == {"status": "ready"}
    client.app.state.draining = True
    assert client.get("/health/ready").status_code == 503
    assert client.get("/v2/health/ready").status_code == 503
    assert client.get("/health/live").status_code == 200


def test_the_document_lists_every_route(client):
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/analyze",
        "/v1/explain",
        "/v1/classify",
        "/v1/models",
        "/metrics",
        "/health/live",
        "/health/ready",
        "/v2",
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/{name}",
        "/v2/models/{name}/ready",
        "/v2/models/{name}/infer",
    }
    analyze = document["paths"]["/v1/analyze"]["post"]
    assert set(analyze["requestBody"]["content"]) == {"multipart/form-data", "application/json"}
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert document["components"]["schemas"]["Image"]["examples"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_no_page_loads_scripts_from_other_hosts(client, path):
    refused(client.get(path), 404)
