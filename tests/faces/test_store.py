"""Where models of detectors are kept, and downloading them from a local server."""

import hashlib
from http.server import BaseHTTPRequestHandler

import pytest

from helpers.local_server import serving
from moue.download import Download, fetch
from moue.errors import MoueError
from moue.faces import make_detector, store


@pytest.fixture
def no_models(monkeypatch, tmp_path):
    monkeypatch.delenv(store.ENVIRONMENT, raising=False)
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def test_yunet_without_its_file_says_how_to_get_it(no_models):
    with pytest.raises(MoueError, match="moue download yunet"):
        make_detector("yunet")
    with pytest.raises(MoueError, match="does not exist"):
        make_detector("auto", model=no_models / "x.onnx")
    assert make_detector("auto").name == "own"


def test_a_changed_file_is_refused(no_models, monkeypatch):
    no_models.mkdir(parents=True)
    file = no_models / store.MODELS["yunet"].name
    file.write_bytes(b"something else")
    with pytest.raises(MoueError, match="not the known"):
        store.find("yunet")
    with pytest.raises(MoueError, match="cannot load"):
        make_detector("yunet", model=file)
    monkeypatch.setenv(store.ENVIRONMENT, str(no_models / "nowhere"))
    with pytest.raises(MoueError, match="nowhere"):
        store.find("yunet")
    with pytest.raises(MoueError, match="unknown model"):
        store.find("resnet")


CONTENT = b"a model " * 100


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1/model")
            self.end_headers()
            return
        self.send_response(200 if self.path == "/model" else 404)
        self.end_headers()
        self.wfile.write(CONTENT)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with serving(Server) as address:
        yield address


@pytest.mark.parametrize(
    ("path", "changes", "words"),
    [
        ("/model", {}, ""),
        ("/model", {"sha256": "0" * 64}, "SHA-256"),
        ("/model", {"max_bytes": 10}, "more than 10 bytes"),
        ("/model", {"schemes": ("https",)}, "begins with https:"),
        ("/away", {}, "begins with http:"),
        ("/none", {}, "Not Found"),
    ],
)
def test_fetching_checks_everything_and_leaves_nothing_behind(server, tmp_path, path, changes, words):
    known = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "name": "m.onnx", "max_bytes": 1 << 20}
    download = Download(url=server + path, **{**known, "schemes": ("http",), **changes})
    if not words:
        assert fetch(download, tmp_path).read_bytes() == CONTENT
        with pytest.raises(MoueError, match="already exists"):
            fetch(download, tmp_path)
        return
    with pytest.raises(MoueError, match=words):
        fetch(download, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_download_goes_to_the_cache_and_only_once(server, no_models, monkeypatch):
    known = Download(
        url=f"{server}/model",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        name="m.onnx",
        max_bytes=1 << 20,
        schemes=("http",),
    )
    monkeypatch.setitem(store.MODELS, "m", known)
    assert store.download("m") == no_models / "m.onnx"
    assert store.find("m") == no_models / "m.onnx"
    assert store.download("m", url=f"{server}/none") == no_models / "m.onnx"
    with pytest.raises(MoueError, match="Not Found"):
        store.download("m", url=f"{server}/none", overwrite=True)
    assert store.find("m") is not None


def test_the_known_model_is_fetched_over_https_only():
    for known in store.MODELS.values():
        assert known.url.startswith("https://")
        assert known.schemes == ("https",)
        assert len(known.sha256) == 64
