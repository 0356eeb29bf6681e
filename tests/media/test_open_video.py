"""Opening videos, cameras and streams: what is refused, and why."""

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest

from moue.errors import MissingExtraError, MoueError
from moue.media.clock import Sampling
from moue.media.decode import ImageLimits, Status
from moue.media.open_video import VideoError, open_video, public_name
from moue.output.live_table import LiveTable
from moue.output.video_writer import AnnotatedVideo
from moue.recognition.stream import analyze_frames, analyze_stream

pytest.importorskip("cv2", reason="videos need the extra 'video'")


def test_videos_that_cannot_be_opened(tmp_path, squares_video, capfd):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mp4").write_bytes(np.random.default_rng(0).bytes(5000))
    (tmp_path / "cut.mp4").write_bytes(squares_video.read_bytes()[:3000])
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
        open_video(squares_video, limits=ImageLimits(max_pixels=1000))
    with pytest.raises(VideoError, match="cannot be opened"):
        open_video("http://127.0.0.1:9/x.mp4", allow_url=True)
    for source in (True, None, 1.5):
        with pytest.raises(MoueError):
            open_video(source)
    assert capfd.readouterr().err == "", "OpenCV and FFmpeg print nothing"


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_video_in_a_folder_without_permission(tmp_path, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(Path, "stat", refuse)  # root may search any folder
    with pytest.raises(VideoError, match=error.strerror) as caught:
        open_video(tmp_path / "video.mp4")
    assert caught.value.status == Status.UNREADABLE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="names are text elsewhere")
def test_a_video_whose_name_is_not_valid_text(squares_video, tmp_path, squares_analyzer):
    name = tmp_path / os.fsdecode(b"video \xff.mp4")
    name.write_bytes(squares_video.read_bytes())
    ((image, result),) = analyze_frames(open_video(name), squares_analyzer, sampling=Sampling(every=100))
    drawn = tmp_path / os.fsdecode(b"drawn \xff.mp4")
    with AnnotatedVideo(drawn, fps=25) as video:
        video.add(image, result)
    with open_video(drawn) as again:
        assert again.num_frames == 1
    table = LiveTable(tmp_path / "live.csv", class_names=squares_analyzer.class_names)
    with table:
        table.write(result)
    assert "video \\udcff.mp4" in table.path.read_text(encoding="utf-8")
    with pytest.raises(VideoError, match="cannot be opened"):
        open_video("http://127.0.0.1:9/\udcff.mp4", allow_url=True)


def test_an_address_is_shown_without_its_password():
    assert public_name("rtsp://me:pa@ss@host:554/a@b?c=1") == "rtsp://host:554/a@b?c=1"
    assert public_name("me@home.mp4") == "me@home.mp4"


@pytest.fixture
def server(squares_video):
    requested = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            requested.append(self.path)
            content = squares_video.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True).start()
    yield f"127.0.0.1:{httpd.server_port}", requested
    httpd.shutdown()
    httpd.server_close()


def test_an_address_is_opened_only_when_allowed(server, tiny_model, squares_video):
    host, requested = server
    address = f"http://me:secret@{host}/{squares_video.name}"
    with pytest.raises(MoueError, match="--allow-url"):
        analyze_stream(address, model=tiny_model, detector="none")
    assert requested == []
    results = list(analyze_stream(address, model=tiny_model, detector="none", allow_url=True))
    assert len(results) == 20
    assert results[0].file == f"http://{host}/{squares_video.name}"


def test_a_playlist_fetches_nothing(server, tmp_path):
    host, requested = server
    (tmp_path / "list.m3u8").write_text(f"#EXTM3U\n#EXTINF:9,\nhttp://{host}/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoError):
        open_video(tmp_path / "list.m3u8")
    assert requested == []


def test_a_missing_opencv_is_reported(monkeypatch, squares_video):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingExtraError, match=r"moue\[video\]"):
        open_video(squares_video)
