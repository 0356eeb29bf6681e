"""Limits and the API key: requests that are refused before any work."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from helpers.serving import files, refused
from moue.errors import MoueError
from moue.serve.engine import Engine
from moue.serve.settings import MEBIBYTE, Settings


def in_pieces(size, piece=64 * 1024):
    """Yield a body without a Content-Length."""
    for start in range(0, size, piece):
        yield b"x" * min(piece, size - start)


def test_bytes_are_limited_with_and_without_a_content_length(serve, photo):
    client = serve(max_bytes=100_000)
    refused(client.post("/v1/analyze", files=files(photo * 4)), 413, "100,000")
    for kind in ("application/json", "multipart/form-data; boundary=b"):
        response = client.post("/v1/analyze", content=in_pieces(200_000), headers={"Content-Type": kind})
        refused(response, 413, "100,000")
    response = client.post(
        "/v2/models/small/infer", content=in_pieces(200_000), headers={"Content-Type": "application/json"}
    )
    refused(response, 413, "100,000")
    assert client.post("/v1/analyze", files=files(photo)).status_code == 200


def test_pixels_files_and_faces_are_limited(serve, photo, crops):
    client = serve(max_pixels=100_000, max_files=2, max_faces=1)
    (result,) = client.post("/v1/analyze", files=files(photo)).json()["results"]
    assert result["status"] == "too_large"
    for count in (3, 4, 9):
        refused(client.post("/v1/classify", files=files(*crops[1] * 4)[:count]), 413, "2 at most")
    refused(client.post("/v1/classify", json={"images": ["aa=="] * 3}), 413, "2 at most")
    refused(client.post("/v1/classify", files=files(*crops[1][:2])), 413, "1 at most")
    refused(client.post("/v1/analyze?detector=none", files=files(*crops[1][:2])), 413, "faces")
    refused(client.post("/v1/analyze?boxes=0,0,9,9&boxes=1,1,9,9", files=files(crops[1][0])), 413, "faces")


def test_memory_for_bodies_is_limited(serve, photo):
    client = serve(max_bytes=len(photo) + 1000, max_buffered=len(photo) + 1000)
    assert client.post("/v1/analyze", files=files(photo)).status_code == 200
    client.app.state.gate.buffered = 1000
    response = client.post("/v1/analyze", files=files(photo))
    refused(response, 503, "Try again")
    assert client.app.state.gate.buffered == 1000  # the bytes of the refused request are released


def test_a_full_queue_and_a_timeout_are_refused(serve, photo, monkeypatch):
    client = serve(queue=1, timeout_s=0.2, workers=1)
    begun, free = threading.Event(), threading.Event()
    whole = Engine._open_face

    def slow(*arguments):
        begun.set()
        free.wait(30)
        return whole(*arguments)

    monkeypatch.setattr(Engine, "_open_face", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, "/v1/classify", files=files(photo))
        begun.wait(30)
        busy = client.post("/v1/classify", files=files(photo))
        late = first.result()
        free.set()
    refused(late, 504, "0.2 s")
    if busy.status_code != 504:  # on a very slow machine, the first request is already over
        refused(busy, 503)
        assert busy.headers["retry-after"] == "1"
    assert client.app.state.gate.requests == 0
    monkeypatch.undo()
    # The queue is empty again; a slow machine may still need more than 0.2 s.
    assert client.post("/v1/classify", files=files(photo)).status_code in (200, 504)


def test_the_key_is_needed_except_for_health_and_the_page(serve, photo):
    client = serve(api_key="correct-horse")
    for method, address in (
        ("post", "/v1/analyze"),
        ("post", "/v1/classify"),
        ("get", "/v1/models"),
        ("get", "/metrics"),
        ("get", "/v2"),
        ("get", "/v2/models/small"),
        ("post", "/v2/models/small/infer"),
    ):
        response = client.request(method, address)
        refused(response, 401, "there is no API key")
        assert response.headers["www-authenticate"] == "Bearer"
        refused(client.request(method, address, headers={"X-API-Key": "wrong-häst".encode()}), 401, "wrong")
        refused(client.request(method, address, headers={"Authorization": "Basic correct-horse"}), 401)
    for headers in ({"Authorization": "Bearer correct-horse"}, {"X-API-Key": "correct-horse"}):
        assert client.post("/v1/analyze", files=files(photo), headers=headers).status_code == 200
    for address in ("/", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready", "/openapi.json"):
        assert client.get(address).status_code == 200
    assert "APIKeyHeader" in client.get("/openapi.json").json()["components"]["securitySchemes"]
    assert "correct-horse" not in repr(client.app.state.engine.settings)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"max_files": 0}, "max_files is 0"),
        ({"timeout_s": -1.0}, "timeout_s"),
        ({"models": ()}, "no model"),
        ({"api_key": "short"}, "8 or more"),
        ({"api_key": "contraseña"}, "ASCII"),
        ({"max_bytes": 512 * MEBIBYTE}, "max_buffered"),
    ],
)
def test_wrong_settings_are_refused(choice, words):
    with pytest.raises(MoueError, match=words):
        Settings(**choice)
