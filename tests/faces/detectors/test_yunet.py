"""YuNet: its arithmetic, and what it finds if its file is available."""

import itertools
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from helpers.photo import HOPPER, is_near
from moue.errors import MoueError
from moue.faces import make_detector, store
from moue.faces.boxes import turn_back
from moue.faces.detectors.yunet import YuNetDetector, _tiles, plan
from moue.faces.yunet_network import STRIDES, YuNet, decode, suppress

MODELS = os.environ.get(store.ENVIRONMENT, "")


@pytest.fixture(scope="module")
def yunet():
    if not MODELS:
        pytest.skip("set MOUE_MODELS to a folder with YuNet to run this test")
    return make_detector("yunet", model=MODELS)


def test_decoding_puts_boxes_where_their_cells_are():
    height, width = 64, 96
    outputs = []
    for size in (1, 1, 4, 10):
        outputs += [np.zeros((1, height * width // stride**2, size), np.float32) for stride in STRIDES]
    cell = 2 * (width // 16) + 3  # row 2, column 3 of stride 16
    outputs[1][0, cell] = 0.81
    outputs[4][0, cell] = 1.7  # clipped to 1
    outputs[7][0, cell] = (0.5, 0.25, np.log(2), np.log(3))
    outputs[10][0, cell] = np.arange(10) / 10
    (row,) = decode(outputs, width, 0.5)
    np.testing.assert_allclose(row[:4], [3.5 * 16 - 16, 2.25 * 16 - 24, 32, 48], rtol=1e-5)
    points = (np.arange(10) / 10).reshape(5, 2)
    np.testing.assert_allclose(row[4:14].reshape(5, 2), (points + np.array([3, 2])) * 16, rtol=1e-5)
    assert row[14] == pytest.approx(0.9)
    assert decode(outputs, width, 0.91).shape == (0, 15)


def test_the_most_confident_of_overlapping_boxes_is_kept():
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


def test_invalid_numbers_are_refused():
    for changes in ({"score_threshold": 0}, {"score_threshold": 1}, {"min_size": -1}):
        with pytest.raises(MoueError):
            YuNetDetector(None, **changes)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("scale", [1.0, 0.1, 2.5])
def test_yunet_finds_a_face_of_any_size_and_turn(yunet, photo, turns, scale):
    height, width = photo.shape[:2]
    image = Image.fromarray(photo).resize((round(width * scale), round(height * scale)), Image.Resampling.BILINEAR)
    (face,) = yunet.detect(np.rot90(np.asarray(image), turns))
    assert is_near(turn_back(face, turns, image.height, image.width), [value * scale for value in HOPPER])


def test_yunet_finds_a_small_face_in_a_large_photograph(yunet, photo):
    canvas = np.full((2400, 3600, 3), 90, np.uint8)
    small = np.asarray(Image.fromarray(photo).resize((photo.shape[1] // 7, photo.shape[0] // 7)))
    canvas[1500 : 1500 + small.shape[0], 1700 : 1700 + small.shape[1]] = small
    (face,) = yunet.detect(canvas)
    assert is_near(face, [1700 + HOPPER[0] / 7, 1500 + HOPPER[1] / 7, HOPPER[2] / 7, HOPPER[3] / 7], 0.5)


def test_yunet_finds_nothing_in_empty_images(yunet):
    noise = np.random.default_rng(0).integers(0, 256, (400, 600, 3), dtype=np.uint8)
    assert yunet.detect(noise) == []
    for shape in ((1, 1), (1, 3000), (3000, 1), (48, 48)):
        assert yunet.detect(np.full((*shape, 3), 200, np.uint8)) == []


@pytest.mark.parametrize("size", [(640, 640), (512, 606), (317, 401)])
@pytest.mark.usefixtures("yunet")
def test_yunet_equals_opencv(photo, size):
    cv2 = pytest.importorskip("cv2")
    path = store.find("yunet", MODELS)
    image = np.asarray(Image.fromarray(photo).resize(size[::-1]))
    theirs = cv2.FaceDetectorYN.create(str(path), "", size[::-1], 0.6, 0.3)
    _, expected = theirs.detect(np.ascontiguousarray(image[..., ::-1]))
    found = YuNet(path).faces(image, score_threshold=0.6)
    assert len(found) == len(expected) == 1
    for face, row in zip(found, expected, strict=True):
        np.testing.assert_allclose(face.box, row[:4], atol=0.5)
        np.testing.assert_allclose(face.landmarks.ravel(), row[4:14], atol=0.5)
        assert face.face_score == pytest.approx(row[14], abs=0.01)
