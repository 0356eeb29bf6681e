"""FER2013-C: what each corruption does, and that a face is always damaged in the same way."""

import hashlib

import numpy as np
import pytest

from moue.data.synthetic.dataset import synthesize
from moue.errors import MoueError
from moue.evaluation.corruptions import STRENGTHS, corrupt, list_corruptions

NAMES = tuple(list_corruptions())


@pytest.fixture(scope="module")
def faces():
    return synthesize(per_class=3, seed=1).images


def damage(images, name, strength):
    return np.abs(corrupt(images, name, strength).astype(float) - images).mean()


def test_there_are_eleven_corruptions_with_five_strengths():
    assert (
        *("noise", "blur", "motion", "jpeg", "contrast", "brightness", "pixelate"),
        *("eyes", "mouth", "rotation", "shift"),
    ) == NAMES
    assert all(len(set(corruption.levels)) == 5 == len(STRENGTHS) for corruption in list_corruptions().values())
    assert {24, 16} < set(list_corruptions()["pixelate"].levels)


@pytest.mark.parametrize("name", NAMES)
def test_damage_grows_with_strength_and_keeps_shape_and_type(name, faces):
    damaged = [corrupt(faces, name, strength) for strength in STRENGTHS]
    assert all(images.shape == faces.shape and images.dtype == np.uint8 for images in damaged)
    amounts = [damage(faces, name, strength) for strength in STRENGTHS]
    assert amounts == sorted(amounts)
    assert amounts[0] > 0


@pytest.mark.parametrize("name", NAMES)
def test_damage_does_not_depend_on_batch_or_order(name, faces):
    whole = corrupt(faces, name, 3)
    assert (corrupt(faces[::-1], name, 3) == whole[::-1]).all()
    assert (corrupt(faces[5:6], name, 3) == whole[5:6]).all()
    assert corrupt(faces[:0], name, 3).shape == (0, 48, 48, 1)


def test_noise_depends_on_the_seed(faces):
    assert (corrupt(faces, "noise", 2, seed=4) == corrupt(faces, "noise", 2, seed=4)).all()
    assert (corrupt(faces, "noise", 2, seed=4) != corrupt(faces, "noise", 2, seed=5)).any()


def test_noise_has_its_standard_deviation():
    gray = np.full((4, 48, 48, 1), 128, np.uint8)
    assert (corrupt(gray, "noise", 1).astype(float) - 128).std() == pytest.approx(8, abs=0.2)


def test_a_uniform_face_stays_uniform():
    gray = np.full((2, 48, 48, 1), 77, np.uint8)
    for name in ("blur", "motion", "rotation", "shift", "pixelate", "contrast"):
        assert (corrupt(gray, name, 5) == 77).all(), name


def test_blur_is_a_gaussian():
    point = np.zeros((1, 48, 48, 1), np.uint8)
    point[0, 24, 24] = 255
    # The middle of a Gaussian of standard deviation 1 is 0.3989 in one direction.
    assert corrupt(point, "blur", 2)[0, 24, 24, 0] == round(255 * 0.39894**2)


def test_contrast_and_brightness_change_by_their_levels(faces):
    flat = corrupt(faces, "contrast", 2).astype(float)
    assert flat.std(axis=(1, 2)) == pytest.approx(0.4 * faces.astype(float).std(axis=(1, 2)), rel=0.02)
    gray = np.stack([np.full((48, 48, 1), value, np.uint8) for value in range(110, 150)])
    moved = corrupt(gray, "brightness", 1).astype(int) - gray
    assert set(np.unique(moved)) == {-30, 30}


def test_bars_cover_rows_around_eyes_and_mouth(faces):
    for name, rows in (("eyes", range(8, 26)), ("mouth", range(28, 46))):
        changed = (corrupt(faces, name, 5) != faces).any(axis=(0, 2, 3))
        assert set(np.flatnonzero(changed)) <= set(rows)
        bar = corrupt(faces, name, 5)[:, rows[0] : rows[-1] + 1, 3:45]
        assert (bar == bar[:, :1, :1]).all()


def test_shift_moves_by_whole_pixels(faces):
    face = faces[:1]
    shifted = corrupt(face, "shift", 3)[0, 12:36, 12:36]
    places = [
        (y, x)
        for y in range(-7, 8)
        for x in range(-7, 8)
        if (face[0, 12 + y : 36 + y, 12 + x : 36 + x] == shifted).all()
    ]
    assert any(5 <= np.hypot(y, x) <= 7 for y, x in places)


def test_the_published_data_set_has_not_changed():
    """Corruptions that use Pillow are left out: its versions may differ by a gray level."""
    ramp = np.add.outer(np.arange(48), 2 * np.arange(48)).astype(np.uint8)[None, ..., None]
    digest = hashlib.sha256()
    for name in ("noise", "brightness", "eyes", "mouth", "shift"):
        for strength in STRENGTHS:
            digest.update(corrupt(ramp, name, strength).tobytes())
    assert digest.hexdigest()[:16] == "69436bc84181b4ea"


@pytest.mark.parametrize(
    ("name", "strength", "shape", "message"),
    [
        ("fog", 1, (1, 48, 48, 1), "unknown corruption 'fog'"),
        ("noise", 6, (1, 48, 48, 1), "strength 6"),
        ("noise", 1, (1, 64, 64, 1), "faces are uint8"),
    ],
)
def test_invalid_arguments_are_refused(name, strength, shape, message):
    with pytest.raises(MoueError, match=message):
        corrupt(np.zeros(shape, np.uint8), name, strength)
