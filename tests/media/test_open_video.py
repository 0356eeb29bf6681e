"""Opening videos, cameras and streams: what is refused, and why."""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from helpers import onnx_model
from helpers.video_files import BrightSquares, two_squares
from moue.classifier.classifier import Classifier
from moue.errors import MissingExtraError, MoueError
from moue.media.clock import Sampling
from moue.media.decode import ImageLimits, Status
from moue.media.open_video import VideoError, open_video, public_name
from moue.output.live_table import LiveTable
from moue.output.video_writer import AnnotatedVideo
from moue.recognition.analyzer import Analyzer
from moue.recognition.stream import analyze_frames, analyze_stream

pytest.importorskip("cv2", reason="videos need the extra 'video'")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Classifier.load(onnx_model.save_run(tmp_path_factory.mktemp("run")), threads=1)


@pytest.fixture(scope="module")
def analyzer(model):
    return Analyzer(model, BrightSquares())


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return two_squares(tmp_path_factory.mktemp("film") / "video.mp4")


def test_videos_that_cannot_be_had(tmp_path, film, capfd):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "cut.mp4").write_bytes(film.read_bytes()[:3000])
    wrong = {
        tmp_path / "none.mp4": Status.NOT_FOUND,
        tmp_path: Status.UNSUPPORTED,
        tmp_path / "empty.mp4": Status.EMPTY,
        tmp_path / "noise.mp4": Status.UNREADABLE,
        tmp_path / "cut.mp4": Status.UNREADABLE,
        "x" * 5000: Status.UNREADABLE,
        "a\0b": Status.UNREADABLE,
        "rtsp://user:secret@127.0.0.1:9/live": Status.UNSUPPORTED,
        "ftp://127.0.0.1/x.mp4": Status.UNSUPPORTED,
        97: Status.UNREADABLE,
        -1: Status.UNREADABLE,
        2**31: Status.UNREADABLE,
        2**40: Status.UNREADABLE,
    }
    for source, status in wrong.items():
        with pytest.raises(VideoError) as caught:
            open_video(source)
        assert (source, caught.value.status) == (source, status)
        assert caught.value.expected
        assert "secret" not in str(caught.value)
    with pytest.raises(VideoError, match="pixels"):
        open_video(film, limits=ImageLimits(max_pixels=1000))
    with pytest.raises(VideoError, match="cannot be opened"):
        open_video("http://127.0.0.1:9/x.mp4", allow_url=True)
    for source in (True, None, 1.5):
        with pytest.raises(MoueError):
            open_video(source)
    assert capfd.readouterr().err == "", "what OpenCV and FFmpeg print is kept away"


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_video_in_a_folder_that_may_not_be_searched(tmp_path, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Path, "stat", refuse)  # root may search any folder
    with pytest.raises(VideoError, match=error.strerror) as caught:
        open_video(tmp_path / "video.mp4")
    assert caught.value.status == Status.UNREADABLE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are text elsewhere")
def test_a_video_whose_name_is_no_text(film, tmp_path, analyzer):
    name = tmp_path / os.fsdecode(b"video \xff.mp4")
    name.write_bytes(film.read_bytes())
    ((image, result),) = analyze_frames(open_video(name), analyzer, sampling=Sampling(every=100))
    drawn = tmp_path / os.fsdecode(b"drawn \xff.mp4")
    with AnnotatedVideo(drawn, fps=25) as video:
        video.add(image, result)
    with open_video(drawn) as again:
        assert again.num_frames == 1
    table = LiveTable(tmp_path / "live.csv", class_names=analyzer.class_names)
    with table:
        table.write(result)
    assert "video \\udcff.mp4" in table.path.read_text(encoding="utf-8")
    with pytest.raises(VideoError, match="cannot be opened"):
        open_video("http://127.0.0.1:9/\udcff.mp4", allow_url=True)


def test_an_address_is_shown_without_its_password():
    assert public_name("rtsp://me:pa@ss@host:554/a@b?c=1") == "rtsp://host:554/a@b?c=1"
    assert public_name("me@home.mp4") == "me@home.mp4"


@pytest.fixture
def server(film):
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            content = film.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{httpd.server_port}", asked
    httpd.shutdown()
    httpd.server_close()


def test_an_address_is_opened_only_when_allowed(server, model, film):
    host, asked = server
    address = f"http://me:secret@{host}/{film.name}"
    with pytest.raises(MoueError, match="--allow-url"):
        analyze_stream(address, model=model, detector="none")
    assert asked == []
    results = list(analyze_stream(address, model=model, detector="none", allow_url=True))
    assert len(results) == 20
    assert results[0].file == f"http://{host}/{film.name}"


def test_a_playlist_fetches_nothing(server, tmp_path):
    host, asked = server
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:9,\nhttp://{host}/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        open_video(tmp_path / "list.m3u8")
    assert asked == []


def test_what_is_missing_is_named(monkeypatch, film):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"moue\[video\]"):
        open_video(film)
