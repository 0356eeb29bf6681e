"""Finding faces: names, files, geometry; and YuNet and Haar where they are installed."""

import hashlib
import itertools
import os
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.local_server import serving
from moue.download import Download, fetch
from moue.errors import MissingExtraError, MoueError
from moue.faces import Face, detector_names, make_detector, store
from moue.faces.boxes import merge, overlap, turn_back
from moue.faces.detectors.yunet import YuNetDetector, _tiles, plan
from moue.faces.yunet_network import STRIDES, YuNet, decode, suppress

MODELS = os.environ.get(store.ENVIRONMENT, "")
HOPPER = (183, 120, 170, 212)  # the face in matplotlib's sample photograph, x, y, width, height


@pytest.fixture(scope="module")
def yunet():
    if not MODELS:
        pytest.skip("set MOUE_MODELS to a folder with YuNet to run this test")
    return make_detector("yunet", model=MODELS)


@pytest.fixture(scope="module")
def photo():
    """A photograph of one face, uint8 (H, W, 3), that matplotlib ships."""
    matplotlib = pytest.importorskip("matplotlib")
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        pytest.skip("this matplotlib has no sample photograph")
    return np.asarray(Image.open(path).convert("RGB"))


@pytest.fixture
def no_models(monkeypatch, tmp_path):
    monkeypatch.delenv(store.ENVIRONMENT, raising=False)
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


def is_near(face, box, enough=0.6):
    return overlap(face, Face(*map(float, box)))[0] > enough


def test_names_are_known_and_unique():
    assert detector_names() == ("auto", "haar", "none", "own", "yunet")
    with pytest.raises(MoueError, match="auto, haar, none, own, yunet"):
        make_detector("mtcnn")


def test_each_detector_has_its_own_options():
    with pytest.raises(MoueError, match=r"own has no option 'turns'\nexpected score_threshold, min_size, threads"):
        make_detector("own", turns=False)
    with pytest.raises(MoueError, match="none has no option 'model'\nexpected no options"):
        make_detector("none", model="x.onnx")
    assert make_detector("none", video=True, model=None).name == "none"


def test_a_file_in_the_folder_is_a_detector(monkeypatch, tmp_path):
    """A new detector is one new file: nothing else knows its name."""
    from moue.faces import detectors, registry

    (tmp_path / "corner.py").write_text(
        "from moue.faces import Face\n"
        "from moue.faces.registry import DetectorKind\n"
        "class Corner:\n"
        "    name = 'corner'\n"
        "    def __init__(self, *, side: float = 8):\n"
        "        self.side = side\n"
        "    def detect(self, image):\n"
        "        return [Face(0, 0, self.side, self.side)]\n"
        "DETECTOR = DetectorKind('corner', Corner, preference=9, for_video={'side': 4})\n"
    )
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])
    registry.detectors.cache_clear()
    image = np.zeros((9, 9, 3), np.uint8)
    try:
        assert make_detector("corner").detect(image)[0].width == 8
        assert make_detector(video=True).detect(image)[0].width == 4
        assert make_detector(side=2).detect(image)[0].width == 2
        assert "corner" in detector_names()
    finally:
        registry.detectors.cache_clear()


def test_none_takes_the_picture():
    (face,) = make_detector("none").detect(np.zeros((30, 40, 3), np.uint8))
    assert face.box == (0, 0, 40, 30)
    assert face.landmarks is None


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
        ("/model", {"most_bytes": 10}, "more than 10 bytes"),
        ("/model", {"schemes": ("https",)}, "begins with https:"),
        ("/away", {}, "begins with http:"),
        ("/none", {}, "Not Found"),
    ],
)
def test_fetching_checks_everything_and_leaves_nothing_behind(server, tmp_path, path, changes, words):
    known = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "name": "m.onnx", "most_bytes": 1 << 20}
    download = Download(url=server + path, **{**known, "schemes": ("http",), **changes})
    if not words:
        assert fetch(download, tmp_path).read_bytes() == CONTENT
        with pytest.raises(MoueError, match="exists already"):
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
        most_bytes=1 << 20,
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


@pytest.mark.parametrize(
    "changes", [{"width": 0}, {"height": -1}, {"x": float("nan")}, {"landmarks": np.zeros((4, 2))}]
)
def test_a_face_is_checked(changes):
    with pytest.raises(MoueError, match="face's"):
        Face(**{"x": 0, "y": 0, "width": 5, "height": 5, **changes})


def test_decoding_puts_boxes_where_their_cells_are():
    height, width = 64, 96
    answers = []
    for size in (1, 1, 4, 10):
        answers += [np.zeros((1, height * width // stride**2, size), np.float32) for stride in STRIDES]
    cell = 2 * (width // 16) + 3  # row 2, column 3 of stride 16
    answers[1][0, cell] = 0.81
    answers[4][0, cell] = 1.7  # clipped to 1
    answers[7][0, cell] = (0.5, 0.25, np.log(2), np.log(3))
    answers[10][0, cell] = np.arange(10) / 10
    (row,) = decode(answers, width, 0.5)
    np.testing.assert_allclose(row[:4], [3.5 * 16 - 16, 2.25 * 16 - 24, 32, 48], rtol=1e-5)
    points = (np.arange(10) / 10).reshape(5, 2)
    np.testing.assert_allclose(row[4:14].reshape(5, 2), (points + np.array([3, 2])) * 16, rtol=1e-5)
    assert row[14] == pytest.approx(0.9)
    assert decode(answers, width, 0.91).shape == (0, 15)


def test_of_overlapping_boxes_the_surest_stays():
    rows = np.array([[0, 0, 10, 10], [1, 1, 10, 10], [20, 0, 10, 10], [0, 8, 10, 10]], np.float32)
    assert suppress(rows, 0.3).tolist() == [0, 2, 3]
    assert suppress(rows[:0], 0.3).tolist() == []


@pytest.mark.parametrize("size", [(48, 48), (480, 640), (853, 1280), (3000, 4000), (10, 5000)])
def test_views_cover_faces_from_20_pixels_to_the_whole(size):
    ranges = sorted((low / view.scale, high / view.scale) for view in plan(*size) for low, high in [view.sizes])
    assert ranges[0][0] <= 20
    reached = ranges[0][1]
    for low, high in ranges[1:]:
        assert low <= reached
        reached = max(reached, high)
    assert reached >= min(size)


@given(st.integers(1, 20000))
def test_tiles_cover_a_side_and_overlap(length):
    tiles = _tiles(length)
    assert tiles[0][0] == 0
    assert tiles[-1][1] == length
    assert all(0 < stop - start <= 1537 for start, stop in tiles)
    assert all(after[0] + 158 <= before[1] for before, after in itertools.pairwise(tiles))


@given(st.integers(0, 3), st.integers(1, 60), st.integers(1, 60), st.data())
def test_turning_back_finds_the_same_pixels(turns, height, width, data):
    turned_height, turned_width = (height, width) if turns % 2 == 0 else (width, height)
    x = data.draw(st.integers(0, turned_width - 1))
    y = data.draw(st.integers(0, turned_height - 1))
    image = np.arange(height * width).reshape(height, width)
    marks = np.full((5, 2), (x + 0.5, y + 0.5), np.float32)
    face = turn_back(Face(x, y, 1, 1, marks), turns, height, width)
    assert (face.width, face.height) == (1, 1)
    assert image[int(face.y), int(face.x)] == np.rot90(image, turns)[y, x]
    np.testing.assert_allclose(face.landmarks, np.full((5, 2), (face.x + 0.5, face.y + 0.5)))


def test_merging_drops_the_same_face_and_parts_of_it():
    big, again = Face(0, 0, 100, 100, face_score=0.9), Face(5, 5, 100, 100, face_score=0.8)
    part, other = Face(40, 40, 20, 20, face_score=0.7), Face(200, 0, 20, 20, face_score=0.95)
    assert merge([part, again, big, other]) == [other, big]


def test_wrong_numbers():
    for changes in ({"score_threshold": 0}, {"score_threshold": 1}, {"min_size": -1}):
        with pytest.raises(MoueError):
            YuNetDetector(None, **changes)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("scale", [1.0, 0.1, 2.5])
def test_yunet_finds_a_face_of_any_size_and_turn(yunet, photo, turns, scale):
    height, width = photo.shape[:2]
    picture = Image.fromarray(photo).resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR)
    (face,) = yunet.detect(np.rot90(np.asarray(picture), turns))
    assert is_near(turn_back(face, turns, picture.height, picture.width), [value * scale for value in HOPPER])


def test_yunet_finds_a_small_face_in_a_large_photograph(yunet, photo):
    canvas = np.full((2400, 3600, 3), 90, np.uint8)
    small = np.asarray(Image.fromarray(photo).resize((photo.shape[1] // 7, photo.shape[0] // 7)))
    canvas[1500 : 1500 + small.shape[0], 1700 : 1700 + small.shape[1]] = small
    (face,) = yunet.detect(canvas)
    assert is_near(face, [1700 + HOPPER[0] / 7, 1500 + HOPPER[1] / 7, HOPPER[2] / 7, HOPPER[3] / 7], 0.5)


def test_yunet_sees_nothing_where_nothing_is(yunet):
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    assert yunet.detect(noise) == []
    for shape in ((1, 1), (1, 3000), (3000, 1), (48, 48)):
        assert yunet.detect(np.full((*shape, 3), 200, np.uint8)) == []


@pytest.mark.parametrize("size", [(640, 640), (512, 606), (317, 401)])
@pytest.mark.usefixtures("yunet")
def test_yunet_equals_opencv(photo, size):
    cv2 = pytest.importorskip("cv2")
    path = store.find("yunet", MODELS)
    picture = np.asarray(Image.fromarray(photo).resize(size[::-1]))
    theirs = cv2.FaceDetectorYN.create(str(path), "", size[::-1], 0.6, 0.3)
    _, expected = theirs.detect(np.ascontiguousarray(picture[..., ::-1]))
    found = YuNet(path).faces(picture, score_threshold=0.6)
    assert len(found) == len(expected) == 1
    for face, row in zip(found, expected, strict=True):
        np.testing.assert_allclose(face.box, row[:4], atol=0.5)
        np.testing.assert_allclose(face.landmarks.ravel(), row[4:14], atol=0.5)
        assert face.face_score == pytest.approx(row[14], abs=0.01)


def test_haar_finds_a_frontal_face(photo):
    try:
        detector = make_detector("haar")
    except MissingExtraError:
        pytest.skip("OpenCV is not installed")
    assert any(is_near(face, HOPPER, 0.5) for face in detector.detect(photo))
    assert detector.detect(np.full((60, 80, 3), 128, np.uint8)) == []
