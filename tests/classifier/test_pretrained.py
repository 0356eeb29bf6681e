"""Downloading models, tested with a local server."""

import functools
import http.server

import numpy as np
import pytest

from helpers.local_server import serving
from helpers.onnx_model import save_run
from moue.classifier import pretrained
from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.files import sha256_of

COMMIT = "0123456789" * 4
HTTP = ("http",)


@pytest.fixture
def pair(tmp_path, monkeypatch):
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path / "cache"))
    return save_run(tmp_path / "site")


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_pair_is_downloaded_once_and_then_works_offline(pair):
    sha256 = sha256_of(pair / "model.json")
    with serving(functools.partial(Quiet, directory=str(pair))) as server:
        address = f"{server}/model.onnx"
        path = pretrained.fetch_pair(address, sha256, schemes=HTTP)
    faces = np.zeros((2, 48, 48), np.uint8)
    np.testing.assert_array_equal(
        Classifier.load(path).predict_proba(faces), Classifier.load(pair).predict_proba(faces)
    )
    assert pretrained.fetch_pair(address, sha256, schemes=HTTP) == path
    path.write_bytes(b"damaged")
    with pytest.raises(MoueError, match="cannot fetch"):
        pretrained.fetch_pair(address, sha256, schemes=HTTP)


def test_files_with_another_checksum_are_refused(pair):
    sha256 = sha256_of(pair / "model.json")
    with serving(functools.partial(Quiet, directory=str(pair))) as server:
        with pytest.raises(MoueError, match="gave a file with SHA-256"):
            pretrained.fetch_pair(f"{server}/model.onnx", "0" * 64, schemes=HTTP)
        (pair / "model.onnx").write_bytes(b"another network")
        with pytest.raises(MoueError, match="gave a file with SHA-256"):
            pretrained.fetch_pair(f"{server}/model.onnx", sha256, schemes=HTTP)
    assert not list(pair.parent.glob("cache/models/*/model.onnx"))


@pytest.mark.usefixtures("pair")
def test_only_https_is_allowed():
    with pytest.raises(MoueError, match="begins with https"):
        Classifier.from_pretrained("http://127.0.0.1:9/model.onnx", sha256="0" * 64)
    with pytest.raises(MoueError, match="64 lower-case"):
        Classifier.from_pretrained("https://127.0.0.1:9/model.onnx", sha256="")


def test_a_repository_is_pinned_to_a_commit():
    address = pretrained.address_of("owner/name", COMMIT)
    assert address == f"https://huggingface.co/owner/name/resolve/{COMMIT}/model.onnx"
    for name, revision in (("owner/name", "main"), ("owner/name", ""), ("small", ""), ("https://x.org/a.zip", "")):
        with pytest.raises(MoueError):
            pretrained.address_of(name, revision)
