"""Scenes, cuts, and faces that stay in their boxes, on images with known content."""

import numpy as np
import pytest
from PIL import Image

from moue.media.clock import Sampling
from moue.media.decode import Status
from moue.media.video import VideoFrame
from moue.recognition.cuts import CutFinder, still_there
from moue.recognition.face_result import FaceResult
from moue.recognition.image_result import ImageResult
from moue.recognition.stream import Follower


def scene(seed, shift=0, light=0, size=(120, 160)):
    """Smooth random shapes, shifted to the right by `shift` pixels and brightened by `light`; uint8 (H, W, 3)."""
    random = np.random.default_rng(seed)
    small = random.integers(20, 200, (9, 12), dtype=np.uint8)
    whole = np.asarray(Image.fromarray(small).resize((size[1] + 40, size[0]), Image.Resampling.BICUBIC))
    noise = random.normal(0, 4, size)
    part = whole[:, 20 - shift : 20 - shift + size[1]] + noise + light
    return np.repeat(np.clip(part, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def cuts(frames):
    finder = CutFinder()
    return [finder.update(frame) for frame in frames]


def test_a_new_scene_is_a_cut_once():
    assert cuts([scene(1), scene(1, 2), scene(1, 4), scene(2), scene(2, 1), scene(1)]) == [0, 0, 0, 1, 0, 1]


@pytest.mark.parametrize("change", [{"shift": 8}, {"light": 50}, {"light": -15}])
def test_a_pan_and_a_change_of_light_are_not_cuts(change):
    assert cuts([scene(3), scene(3, **change)]) == [False, False]


def test_a_moving_person_is_not_a_cut():
    before, after = scene(4), scene(4)
    before[30:90, 20:65], after[30:90, 45:90] = 230, 230
    assert cuts([before, after]) == [False, False]


@pytest.mark.parametrize(("one", "other", "cut"), [(0, 0, False), (0, 255, True), (90, 100, False)])
def test_images_of_one_color(one, other, cut):
    frames = [np.full((30, 40, 3), level, np.uint8) for level in (one, other)]
    assert cuts(frames) == [False, cut]


def test_a_box_that_shows_something_else_is_no_longer_valid():
    before = scene(5)
    gone = before.copy()
    gone[20:80, 30:90] = scene(6)[20:80, 30:90]
    box = (30.0, 20.0, 60.0, 60.0)
    assert still_there(before, before, box)
    assert still_there(before, scene(5, 2, light=20), box)
    assert not still_there(before, gone, box)
    assert still_there(before, gone, (100.0, 20.0, 50.0, 60.0))
    assert not still_there(before, before[:-1], box)
    assert not still_there(before, gone, (500.0, 20.0, 60.0, 60.0))


def test_after_a_cut_everybody_is_new_and_smoothing_starts_over():
    follower = Follower(smooth_s=10)
    follower.expect_step(Sampling().longest_step_s(25))
    face = FaceResult((40.0, 30.0, 50.0, 50.0), "happy", 1.0, {"happy": 1.0, "sad": 0.0})
    other = FaceResult((40.0, 30.0, 50.0, 50.0), "sad", 1.0, {"happy": 0.0, "sad": 1.0})
    tracked = []
    for number, (image, seen) in enumerate([(scene(1), face), (scene(1), face), (scene(2), other), (scene(2), other)]):
        frame = VideoFrame(image, number, number / 25, 0.0)
        result = follower.add(ImageResult("", Status.OK, 160, 120, (seen,)), "video.mp4", frame)
        tracked.append((result.faces[0].track_id, result.faces[0].emotion, result.faces[0].confidence))
    assert tracked == [(1, "happy", 1.0), (1, "happy", 1.0), (2, "sad", 1.0), (2, "sad", 1.0)]
