"""Downloading from a real server on this machine, and checking data against the published counts."""

from __future__ import annotations

import dataclasses
import hashlib
import http.server
import socket
import time

import numpy as np
import pytest

from helpers.local_server import serving
from moue.data import published as catalog
from moue.data.dataset import Dataset
from moue.data.published import FER2013_COUNTS, FERPLUS, SOURCES, check, fetch_ferplus
from moue.download import Download, fetch
from moue.errors import MoueError

CONTENT = b"Usage,Image name,neutral\n" * 9000


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
        elif self.path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", self.path.removeprefix("/to/"))
            self.end_headers()
        elif self.path == "/silent":
            time.sleep(1.0)
        elif self.path == "/not-http":
            self.wfile.write(b"\x00\x01 nonsense\r\n\r\n")
        else:
            short = len(CONTENT) // 2 if self.path == "/cut" else len(CONTENT)
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:short])

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def server():
    with serving(_Handler) as address:
        yield address


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def download(url: str, **changes) -> Download:
    digest = hashlib.sha256(CONTENT).hexdigest()
    here = {"url": url, "sha256": digest, "schemes": ("http",), "silence_s": 0.3}
    return dataclasses.replace(FERPLUS, **(here | changes))


@pytest.mark.parametrize("path", ["/file.csv", "/to//file.csv"])
def test_fetch(server, tmp_path, path):
    assert fetch(download(server + path), tmp_path / "votes.csv", overwrite=False) == tmp_path / "votes.csv"
    assert (tmp_path / "votes.csv").read_bytes() == CONTENT


def test_fetch_into_a_folder_and_over_a_file(server, tmp_path):
    path = tmp_path / "fer2013new.csv"
    assert fetch(download(server + "/file.csv"), tmp_path, overwrite=False) == path
    path.write_text("mine")
    with pytest.raises(MoueError, match="already exists"):
        fetch(download(server + "/file.csv"), tmp_path, overwrite=False)
    assert path.read_text() == "mine"
    fetch(download(server + "/file.csv"), tmp_path, overwrite=True)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("path", "changes", "message"),
    [
        ("/missing", {}, "Not Found"),
        ("/cut", {}, "SHA-256|cannot fetch"),
        ("/silent", {}, "timed out"),
        ("/not-http", {}, "cannot fetch"),
        ("/file.csv", {"sha256": "0" * 64}, "SHA-256"),
        ("/file.csv", {"max_bytes": 1000}, "more than 1,000 bytes"),
        ("/file.csv", {"longest_s": -1.0}, "not done after"),
        ("/to/ftp://127.0.0.1/file", {}, "ftp://"),
        ("/to/file:///etc/hostname", {}, "file:///"),
        ("/to/https://127.0.0.1:1/file", {}, "begins with http://"),
    ],
)
def test_a_failed_download_raises_one_clear_error_and_leaves_no_file(server, tmp_path, path, changes, message):
    with pytest.raises(MoueError, match=message):
        fetch(download(server + path, **changes), tmp_path / "votes.csv", overwrite=False)
    assert list(tmp_path.iterdir()) == []


def test_an_old_file_survives_a_failed_download(server, tmp_path):
    (tmp_path / "votes.csv").write_text("old")
    with pytest.raises(MoueError, match="SHA-256"):
        fetch(download(server + "/file.csv", sha256="0" * 64), tmp_path / "votes.csv", overwrite=True)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("votes.csv", "old")]


def test_no_server_listens(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/file.csv"
        with pytest.raises(MoueError, match="cannot fetch") as caught:
            fetch(download(url), tmp_path / "votes.csv", overwrite=False)
    assert "browser" in caught.value.fix


@pytest.mark.parametrize("scheme", ["http", "ftp", "file", "data", ""])
def test_only_https_is_fetched(tmp_path, scheme):
    with pytest.raises(MoueError, match="https://"):
        fetch_ferplus(tmp_path / "votes.csv", url=f"{scheme}://127.0.0.1/fer2013new.csv")
    assert list(tmp_path.iterdir()) == []


def test_sources_are_complete():
    assert {source.name for source in SOURCES} == {"fer2013", "fer2013-folders", "ferplus"}
    for source in SOURCES:
        assert all(getattr(source, field.name) != "" for field in dataclasses.fields(source))
        assert source.url.startswith("https://")
    assert [source.name for source in SOURCES if not source.needs_account] == ["ferplus"]


def published_counts() -> Dataset:
    """Return blank faces with the published counts."""
    labels, split = [], []
    for name, counts in FER2013_COUNTS.items():
        for label, count in enumerate(counts):
            labels += [label] * count
            split += [name] * count
    images = np.zeros((len(labels), 48, 48, 1), np.uint8)
    return Dataset(images, np.array(labels, np.uint8), np.array(split, "<U5"), np.arange(len(labels)))


def test_correct_counts_with_an_unknown_checksum_get_a_remark():
    checks = check(published_counts())
    assert len(checks) == 1 + 3 + 21 + 1
    assert all(each.ok for each in checks)
    assert (checks[0].expected, checks[0].actual) == ("35,887", "35,887")
    assert checks[-1].name == "checksum"
    assert "counts are right" in checks[-1].note
    assert checks[-1].to_dict()["ok"] is True


def test_a_missing_row_is_found():
    dataset = published_counts()
    failed = [each for each in check(dataset.take(np.arange(1, len(dataset)))) if not each.ok]
    assert [each.name for each in failed] == ["rows", "train rows", "train angry", "checksum"]
    assert (failed[2].expected, failed[2].actual) == ("3,995", "3,994")


def test_other_splits_are_named():
    dataset = dataclasses.replace(published_counts(), split=np.full(35_887, "train", "<U5"), split_rule="folder names")
    failed = {each.name: each for each in check(dataset) if not each.ok}
    assert "rows" not in failed
    assert failed["test rows"].note == "splits by: folder names"


def test_a_known_checksum_gets_its_remark(monkeypatch):
    dataset = published_counts()
    monkeypatch.setitem(catalog.KNOWN_CHECKSUMS, dataset.checksum, "blank faces")
    assert check(dataset)[-1].note == "blank faces"


def test_fer2013_is_fer2013(real_data):
    assert [each for each in check(real_data) if not each.ok] == []
