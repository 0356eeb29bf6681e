"""The parts of a cluster run against a server that emulates S3; runs only if moto is installed."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

pytest.importorskip("pyarrow", reason="a cluster needs the extra 'cluster'")
pytest.importorskip("moto.server", reason='a server for S3 needs pip install "moto[server]"')

from moto.server import ThreadedMotoServer

from helpers.video_files import two_squares
from moue.cluster.listing import Listing, list_images
from moue.cluster.options import ClusterOptions
from moue.cluster.place import place_of
from moue.cluster.shards import Shards
from moue.cluster.state import RunState
from moue.cluster.videos import num_parts
from moue.cluster.worker import read_shards
from moue.errors import MoueError
from moue.media.decode import DEFAULT_LIMITS
from moue.recognition.image_result import ImageResult, Status

NAMES = ("happy", "sad")


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A bucket with an image, a damaged image, a video and a text file; returns a function that makes addresses."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()

    def address(path):
        return f"s3://pics/{path}?endpoint_override={host}:{port}&scheme=http&allow_bucket_creation=true"

    place = place_of(address("in"))
    place.filesystem.create_dir("pics")
    Image.fromarray(np.zeros((48, 48), np.uint8)).save(tmp_path / "a.png")
    two_squares(tmp_path / "clip.avi", num=78)
    files = {"a.png": (tmp_path / "a.png").read_bytes(), "bad.jpg": b"x", "notes.txt": b"x"}
    for name, content in (files | {"clip.avi": (tmp_path / "clip.avi").read_bytes()}).items():
        with place.filesystem.open_output_stream(place.file(name), compression=None) as file:
            file.write(content)
    yield address
    server.stop()


def test_a_folder_is_listed_and_its_files_are_read(bucket, tmp_path):
    place = place_of(bucket("in"))
    assert place.shown == "s3://pics/in"
    listing, left_out = list_images(place, recursive=True)
    assert (listing.names, listing.parts) == ([b"a.png", b"bad.jpg", b"clip.avi"], [0, 0, 1])
    assert [path.name for path in left_out.others] == ["notes.txt"]
    assert num_parts(place, [b"clip.avi"], DEFAULT_LIMITS, 1.2) == [3]
    names = [b"a.png", b"gone.png"]
    batch = pa.table({"number": [0], "names": pa.array([names], pa.list_(pa.binary())), "part": [-1], "parts": [0]})
    (row,) = next(read_shards(batch, source=place, limits=DEFAULT_LIMITS)).to_pylist()
    assert row["contents"] == [(tmp_path / "a.png").read_bytes(), None]
    assert row["problems"][1].startswith("not_found:")
    with pytest.raises(MoueError, match=r"cannot list s3://pics/nowhere"):
        list_images(place_of(bucket("nowhere")), recursive=True)


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_an_output_is_started_resumed_and_finished(bucket, kind):
    options = ClusterOptions(bucket(f"out.{kind}"))
    assert options.format == kind
    place = place_of(options.output)
    shards = Shards(place, options.format, NAMES)
    state = RunState(shards, {"model": 1})
    assert state.resume(overwrite=False) is None
    state.begin(Listing([b"a", b"\xff"], [1, 2], [0, 3]))
    shards.write(1, [ImageResult("a.png", Status.EMPTY, message="no", class_names=NAMES)])
    with place.filesystem.open_output_stream(place.file(f".part-000000.{kind}-abc.tmp")) as file:
        file.write(b"half")
    again = RunState(shards, {"model": 1}).resume(overwrite=False)
    assert again.names == [b"a", b"\xff"]
    assert shards.done() == {1}
    shards.clear(all_of_them=False)
    assert shards.files() == [f"part-000001.{kind}"]
    state.finish()
    assert not state.place.exists()
    with pytest.raises(MoueError, match="already exists"):
        state.resume(overwrite=False)
