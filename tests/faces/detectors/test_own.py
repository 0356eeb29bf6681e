"""The detector in the package: the meaning of its maps, its scales and its options."""

from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest

from moue.errors import MoueError
from moue.faces import make_detector
from moue.faces.detectors.own import (
    _WEIGHTS,
    STRIDE,
    UNIT,
    OwnDetector,
    OwnOptions,
    decode,
    description,
    load_own,
    scales,
)


def test_the_weights_are_those_described():
    assert hashlib.sha256(_WEIGHTS.read_bytes()).hexdigest() == description()["sha256"]
    assert _WEIGHTS.stat().st_size < 1_000_000


def test_a_file_that_is_not_a_detector_is_refused_with_a_fix(tmp_path):
    (tmp_path / "faces.csv").write_text("emotion,pixels")
    for name in ("faces.csv", "none.onnx"):
        with pytest.raises(MoueError, match="moue detector train wrote"):
            OwnDetector(OwnOptions(0.5), tmp_path / name)


def test_maps_are_decoded():
    score = np.zeros((4, 5), np.float32)
    score[1, 2], score[3, 0] = 0.9, 0.4
    box = np.zeros((4, 5, 4), np.float32)
    box[1, 2] = (0.25, -0.5, np.log(30 / UNIT), np.log(40 / UNIT))
    landmarks = np.zeros((4, 5, 10), np.float32)
    landmarks[1, 2, :2] = (-0.25, 0.5)
    (face,) = decode(score, box, landmarks, 0.5)
    x, y = 2.5 * STRIDE + 0.25 * UNIT, 1.5 * STRIDE - 0.5 * UNIT
    assert face.box == pytest.approx((x - 15, y - 20, 30, 40))
    np.testing.assert_allclose(face.landmarks[0], [2.5 * STRIDE - 8, 1.5 * STRIDE + 16])
    assert face.face_score == pytest.approx(0.9)


@pytest.mark.parametrize("size", [(1, 1), (48, 48), (100, 300), (480, 640), (3000, 4000), (20, 4000)])
def test_scales_shrink_step_by_step_to_the_smallest(size):
    found = scales(*size)
    assert found == sorted(found, reverse=True)
    assert all(after == pytest.approx(before * 0.6) for before, after in itertools.pairwise(found))
    assert 24 <= max(size) * found[-1] <= 160


@pytest.mark.parametrize("shape", [(1, 1), (7, 500), (480, 640), (900, 33)])
def test_nothing_is_found_in_empty_images(shape):
    detector = load_own()
    assert detector.name == "own"
    assert detector.detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_auto_picks_it_on_a_fresh_machine(tmp_path, monkeypatch):
    monkeypatch.setenv("MOUE_MODELS", str(tmp_path))
    assert make_detector("auto").name == "own"
    assert make_detector("own", score_threshold=0.9, min_size=40).options.min_size == 40


@pytest.mark.parametrize("options", [{"score_threshold": 0.0}, {"score_threshold": 1.0}, {"min_size": -1.0}])
def test_numbers_out_of_range(options):
    with pytest.raises(MoueError, match=next(iter(options))):
        load_own(**options)
