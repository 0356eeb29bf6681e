"""Gray equals OpenCV's; resizing averages, where OpenCV picks single pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moue.classifier.input_spec import InputSpec
from moue.classifier.preprocess import prepare
from moue.errors import MoueError
from moue.faces import Face
from moue.faces.crop import crop_face
from moue.media.pixels import fit_gray, resize, to_gray


def image_of(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def levels_apart(first, second):
    return int(np.abs(first.astype(int) - second.astype(int)).max())


def test_gray_equals_opencv_exactly():
    cv2 = pytest.importorskip("cv2")
    axis = np.arange(0, 256, 5)
    cube = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).astype(np.uint8).reshape(52, -1, 3)
    for image in (cube, image_of(611, 397, 3), image_of(1, 1, 3), np.full((5, 5, 3), 255, np.uint8)):
        np.testing.assert_array_equal(to_gray(image), cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))


@given(height=st.integers(1, 48), width=st.integers(1, 48))
def test_enlarging_is_within_one_level_of_opencv(height, width):
    cv2 = pytest.importorskip("cv2")
    image = image_of(height, width)
    assert levels_apart(resize(image), cv2.resize(image, (48, 48), interpolation=cv2.INTER_LINEAR)) <= 1


def test_the_resizing_of_the_starting_point_keeps_the_noise_of_a_large_face():
    cv2 = pytest.importorskip("cv2")
    gray = np.random.default_rng(0).normal(128, 40, (480, 480)).clip(0, 255).astype(np.uint8)
    theirs = cv2.resize(gray, (48, 48), interpolation=cv2.INTER_LINEAR)
    # Averages over 100 pixels and more of noise are flat; single pixels are as noisy as the image.
    assert theirs.std() > 3 * resize(gray).std()
    assert resize(gray).std() < 8


@given(height=st.integers(1, 300), width=st.integers(1, 300), value=st.integers(0, 255))
def test_a_flat_image_stays_flat(height, width, value):
    assert np.unique(fit_gray(np.full((height, width), value, np.uint8))).tolist() == [value]


def test_gray_before_and_after_resizing_agree():
    image = image_of(230, 170, 3)
    assert levels_apart(fit_gray(image)[..., 0], resize(to_gray(image))) <= 1


def test_an_image_of_the_right_size_is_not_touched():
    image = image_of(48, 48)
    assert resize(image) is image
    np.testing.assert_array_equal(fit_gray(image)[..., 0], image)


def test_other_sizes():
    assert resize(image_of(70, 20), (64, 32)).shape == (64, 32)
    assert prepare(image_of(3, 70, 20), InputSpec(height=64, width=32)).shape == (3, 64, 32, 1)


def test_an_upright_crop_is_the_same_as_the_image_itself():
    # The box fills the frame, so the crop is the whole image: both ways must give the same pixels.
    large = resize(image_of(48, 48, seed=3), (192, 192))
    crop = crop_face(large, Face(0, 0, 192, 192), InputSpec(crop_margin=0.0, crop_shift=0.0))
    assert levels_apart(crop, fit_gray(large)) <= 2


@pytest.mark.parametrize("image", [np.zeros((4, 0), np.uint8), np.zeros((4, 4), np.float32), np.zeros(4, np.uint8)])
def test_invalid_images_are_refused(image):
    with pytest.raises(MoueError, match="an image is"):
        resize(image)


def test_gray_needs_three_channels():
    with pytest.raises(MoueError, match="uint8"):
        to_gray(image_of(4, 4))
