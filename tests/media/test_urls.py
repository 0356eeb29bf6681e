"""Images at addresses: fetched from a real server on this machine, only if allowed, whatever it does."""

import contextlib
import csv
import http.server
import io
import json
import time

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from helpers.local_server import serving
from moue.download import FetchError, fetch_bytes
from moue.media.decode import ImageLimits, Status
from moue.media.listing import is_video
from moue.media.urls import decode_address, is_address, shown, stem_of
from moue.recognition.analyze import analyze, analyze_many
from moue.recognition.analyzer import Analyzer

BUFFER = io.BytesIO()
Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 50, 3), dtype=np.uint8)).save(BUFFER, "PNG")
IMAGE = BUFFER.getvalue()
REQUESTS = []


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        REQUESTS.append(self.path)
        if self.path == "/gone.png":
            self.send_error(404)
        elif self.path == "/fault.png":
            self.send_error(500)
        elif self.path == "/rude.png":
            self.send_error(500, "\x1b[31mred")
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/flood-then-image":
            self.send_response(302)
            self.send_header("Location", "/a.png")
            self.end_headers()
            self.flood()
        elif self.path.startswith("/loop"):
            self.send_response(302)
            self.send_header("Location", "/loop?" + "x" * len(REQUESTS))
            self.end_headers()
        elif self.path.startswith("/drip/"):
            self.drip(self.path.removeprefix("/drip/"))
        elif self.path == "/silent":
            time.sleep(0.6)
        elif self.path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.flood()
        else:
            self.send_response(200)
            content = {"/text": b"<html>no image</html>", "/nothing": b""}.get(self.path, IMAGE)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if self.path == "/cut.png" else content)

    def flood(self):
        # Until the client disconnects.
        try:
            while True:
                self.wfile.write(b"\0" * 65536)
        except OSError:
            pass

    def drip(self, what):
        starts = {
            "header": b"HTTP/1.1 200 OK\r\nX-Long: ",
            "size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            "body": b"HTTP/1.1 200 OK\r\n\r\n",
            "promised": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
            "redirect": b"HTTP/1.1 302 Found\r\nLocation: /drip/redirect?" + b"x" * len(REQUESTS) + b"\r\n\r\n",
        }
        if what.startswith("redirect"):
            time.sleep(0.15)
        self.wfile.write(starts[what.partition("?")[0]])
        with contextlib.suppress(OSError):
            for _ in range(0 if what.startswith("redirect") else 60):
                time.sleep(0.1)
                self.wfile.write(b"0")

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with serving(_Handler) as address:
        yield address


@pytest.fixture(autouse=True)
def quick_and_without_a_proxy(monkeypatch):
    from moue import download

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download.fetch_bytes, "__kwdefaults__", {"silence_s": 0.3, "longest_s": 5.0})
    REQUESTS.clear()


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/a.png", Status.OK, ""),
        ("/to//a.png", Status.OK, ""),
        ("/flood-then-image", Status.OK, ""),
        ("/été neuf.png?größe=1 2", Status.OK, ""),
        ("/gone.png", Status.NOT_FOUND, "Not Found"),
        ("/fault.png", Status.UNREADABLE, "Internal Server Error"),
        ("/rude.png", Status.UNREADABLE, "?[31mred"),
        ("/text", Status.UNREADABLE, "not an image"),
        ("/nothing", Status.EMPTY, "no content"),
        ("/cut.png", Status.UNREADABLE, "broke off"),
        ("/silent", Status.UNREADABLE, "timed out"),
        ("/endless", Status.TOO_LARGE, "limit of 100,000"),
        ("/loop", Status.UNREADABLE, "redirect"),
        ("/to/file:///etc/hostname", Status.UNREADABLE, "not allowed"),
        ("/to/ftp://127.0.0.1/a.png", Status.UNSUPPORTED, "ftp://"),
        ("/to/http://127.0.0.1:1/a.png", Status.UNREADABLE, "cannot be fetched"),
    ],
)
def test_whatever_a_server_does_gives_a_status(server, path, status, word):
    found = decode_address(server + path, ImageLimits(max_bytes=100_000), allowed=True)
    assert (found.status, word in found.message) == (status, True), found
    assert (found.image is not None) == (status == Status.OK)


@pytest.mark.parametrize("what", ["header", "size", "body", "promised", "redirect"])
def test_the_time_limit_covers_the_whole_download(server, what):
    began = time.monotonic()
    with pytest.raises(FetchError) as caught:
        fetch_bytes(f"{server}/drip/{what}", max_bytes=10_000, silence_s=1.0, longest_s=0.4)
    assert caught.value.reason == "not done after 0.4 s"
    assert time.monotonic() - began < 5  # the server would continue for 6 s


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/a.png", "data://x,y", "http://[a.png"])
def test_only_the_web_is_fetched(address):
    assert decode_address(address, ImageLimits(), allowed=True).status in (Status.UNSUPPORTED, Status.UNREADABLE)
    assert decode_address(address, ImageLimits(), allowed=True).image is None


def test_nothing_is_fetched_unless_allowed(server, run_folder):
    found = analyze(server + "/a.png", model=run_folder, detector="none")
    assert (found.status, "--allow-url" in found.message) == (Status.UNSUPPORTED, True)
    assert REQUESTS == []
    found = analyze(server + "/a.png", model=run_folder, detector="none", allow_url=True)
    assert (found.status, found.file, found.width) == (Status.OK, server + "/a.png", 50)
    assert REQUESTS == ["/a.png"]


def test_a_batch_continues(server, run_folder, tmp_path):
    (tmp_path / "a.png").write_bytes(IMAGE)
    sources = [server + "/gone.png", tmp_path / "a.png", server + "/a.png"]
    found = list(analyze_many(sources, model=run_folder, detector="none", allow_url=True))
    assert [result.status.value for result in found] == ["not_found", "ok", "ok"]
    assert found[1].faces[0].probabilities == found[2].faces[0].probabilities


def test_user_names_and_passwords_are_neither_sent_nor_shown(server, run_folder):
    address = server.replace("http://", "http://me:secret@") + "/a.png"
    found = Analyzer.load(run_folder, "none", allow_url=True).analyze(address)
    assert (found.status, found.file) == (Status.UNSUPPORTED, server + "/a.png")
    assert "secret" not in json.dumps(found.to_dict())
    assert REQUESTS == []


def test_the_command(moue, server, run_folder, tmp_path):
    (tmp_path / "a.png").write_bytes(IMAGE)
    out, drawn = tmp_path / "out.csv", tmp_path / "drawn"
    files = (server + "/holi%20day.png?size=2", tmp_path / "a.png")
    options = ("--model", run_folder, "--detector", "none")
    code, _, err = moue("predict", files[0], *options)
    assert (code, "--allow-url" in err, REQUESTS) == (1, True, [])
    code, _, err = moue("predict", *files, *options, "--allow-url", "--output", out, "--annotate", drawn)
    assert code == 0, err
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["status"]) for row in rows] == [(str(name), "ok") for name in files]
    assert sorted(path.name for path in drawn.iterdir()) == ["a.jpg", "holi_day.jpg"]


@example("me:sec\\ret@h", "", "http://")
@given(st.text(), st.text(), st.sampled_from(["http://", "rtsp://", "x+y://"]))
def test_names_of_any_address(host, rest, scheme):
    address = f"{scheme}{host}/{rest}"
    assert is_address(address)
    assert "@" not in shown(address).partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]
    assert shown(shown(address)) == shown(address)
    assert stem_of(address)
    assert not set(stem_of(address)) & set("/\\:.\0")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://h/clip.mp4", True),
        ("https://h/clip.MP4?token=1", True),
        ("https://h/clip.webm#t=5", True),
        ("rtsp://h/a%2Emkv", True),
        ("https://h/a.png?next=clip.mp4", False),
        ("https://example.mov", False),
        ("https://example.mov/a", False),
    ],
)
def test_videos_are_known_by_the_path_of_their_address(address, expected):
    assert is_video(address) is expected


@pytest.mark.parametrize("path", ["a.png", "/a://b", "C:\\a.png", "https:/a.png", "", "://x"])
def test_paths_are_not_addresses(path):
    assert not is_address(path)
    assert shown(path) == path
