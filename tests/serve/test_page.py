"""The page runs the same model as the server."""

import hashlib
import json

import pytest

from helpers.onnx_model import save_other, save_run, save_yunet
from helpers.serving import refused

OWN = tuple(f"class {number}" for number in range(100))


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A built page with a built-in model."""
    static = tmp_path / "static"
    (static / "model").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>built</title>")
    (static / "model.json").write_text('{"name": "built in"}')
    (static / "model" / "0123.onnx").write_bytes(b"built in")
    (static / "moue-page.json").write_text('{"version": "abc", "files": ["model/0123.onnx"]}')
    monkeypatch.setattr("moue.serve.page.folder", lambda: static)
    return static


@pytest.fixture
def own(tmp_path):
    return save_run(tmp_path / "mine", class_names=OWN, classes=100)


@pytest.mark.usefixtures("built")
def test_the_page_gets_the_default_model_of_the_server(serve, own):
    client = serve(models=(own, "small"))
    assert client.get("/v1/models").json()["default"] == "mine"
    response = client.get("/model.json")
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["content-type"] == "application/json"
    manifest = response.json()
    assert manifest["name"] == "mine"
    assert tuple(manifest["spec"]["expression"]["class_names"]) == OWN
    assert len(manifest["colors"]) == 100
    onnx = client.get(f"/{manifest['file']}")
    assert hashlib.sha256(onnx.content).hexdigest() == client.get("/v1/models").json()["models"][0]["onnx_sha256"]
    assert "immutable" in onnx.headers["cache-control"]
    assert json.loads(client.get("/moue-page.json").text)["files"] == ["model.json", manifest["file"]]


@pytest.mark.usefixtures("built")
def test_visitors_without_the_key_do_not_get_a_custom_model(serve, own):
    client = serve(models=(own,), api_key="long-enough")
    assert "people who have no key" in client.get("/").text
    refused(client.get("/model.json"), 404)
    shipped = serve(api_key="long-enough")
    assert "built" in shipped.get("/").text
    assert shipped.get("/model.json").json()["name"] == "small"


@pytest.mark.usefixtures("built")
def test_if_the_page_cannot_run_the_model_the_plain_page_is_served(serve, tmp_path):
    response = serve(models=(save_other(tmp_path / "other"),)).get("/")
    assert "The page cannot run model.onnx, which moue did not export." in response.text
    assert "make page" not in response.text
    assert response.headers["content-security-policy"].count("'sha256-") == 2


@pytest.mark.usefixtures("built")
def test_the_page_includes_yunet_if_it_is_chosen(serve, tmp_path):
    file = save_yunet(tmp_path / "mine.onnx")
    client = serve(detector="yunet", detector_model=file)
    about = client.get("/model.json").json()["detector"]
    assert about["name"] == "yunet"
    onnx = client.get(f"/{about['file']}")
    assert len(onnx.content) == about["bytes"] == file.stat().st_size
    assert "immutable" in onnx.headers["cache-control"]
    assert about["file"] in client.get("/moue-page.json").json()["files"]
    licences = client.get("/LICENCES.txt")
    assert "Shiqi Yu" in licences.text
    assert licences.headers["content-type"] == "text/plain; charset=utf-8"
    with_key = serve(detector="yunet", detector_model=file, api_key="long-enough")
    assert "give this detector to people who have no key" in with_key.get("/").text
    refused(with_key.get(f"/{about['file']}"), 404)


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("detector", ["auto", "own", "none"])
def test_the_page_does_not_include_yunet_by_default(serve, detector):
    assert "detector" not in serve(detector=detector).get("/model.json").json()
