"""Augmentation: what it changes, what it leaves unchanged, and that the generator is the only source of randomness."""

from __future__ import annotations

import numpy as np
import pytest

from moue.training.augment import augment, is_augmented
from moue.training.config import TrainConfig

ALL = {
    "flip": True, "rotation_degrees": 15, "shift_fraction": 0.1, "zoom_fraction": 0.1, "brightness": 0.2,
    "contrast": 0.2, "erasing_probability": 0.5, "damage_probability": 0.5, "mixup_alpha": 0.4, "cutmix_alpha": 1.0,
}  # fmt: skip
COUNT = 40


@pytest.fixture(scope="module")
def faces():
    return np.random.default_rng(0).integers(0, 256, (COUNT, 48, 48, 1), np.uint8)


def targets():
    votes = np.random.default_rng(1).dirichlet(np.ones(10), COUNT).astype(np.float32)
    votes[:10] = 0  # no votes
    return {"emotion": np.eye(7, dtype=np.float32)[np.arange(COUNT) % 7], "perceived": votes}


def augmented(faces, seed=0, **settings):
    return augment(faces, targets(), TrainConfig(**settings), np.random.default_rng(seed))


def gradient(count=COUNT):
    """Faces whose gray level encodes the position of a pixel: 2 * x + y."""
    y, x = np.indices((48, 48))
    return np.repeat((2 * x + y).astype(np.uint8)[None, ..., None], count, axis=0)


def test_nothing_changes_by_default(faces):
    assert not is_augmented(TrainConfig())
    images, rows = augmented(faces)
    np.testing.assert_array_equal(images, faces)
    np.testing.assert_array_equal(rows["emotion"], targets()["emotion"])


@pytest.mark.parametrize("setting", ALL)
def test_each_setting_changes_faces_depending_only_on_the_seed(faces, setting):
    config = {setting: ALL[setting]}
    assert is_augmented(TrainConfig(**config))
    first, second, other = (augmented(faces, seed, **config)[0] for seed in (1, 1, 2))
    assert first.shape == faces.shape
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)
    assert (first != faces).any()
    assert (first != other).any()


def test_flip_mirrors_about_half_of_the_faces_exactly(faces):
    images, _ = augmented(faces, flip=True)
    same = (images == faces).all(axis=(1, 2, 3))
    np.testing.assert_array_equal(images[~same], faces[~same][:, :, ::-1])
    assert 8 < same.sum() < 32


@pytest.mark.parametrize(
    ("settings", "reach"),
    # How much 2 * x + y of the four middle pixels may change: by a shift of 4.8 pixels, or hardly, around the centre.
    [({"shift_fraction": 0.1}, 3 * 4.8 + 1), ({"rotation_degrees": 180}, 3), ({"zoom_fraction": 0.5}, 2)],
)
def test_geometry_stays_within_its_limits(settings, reach):
    images, _ = augmented(gradient(), **settings)
    middle = images[:, 23:25, 23:25].astype(float).mean(axis=(1, 2, 3))
    assert np.abs(middle - 70.5).max() <= reach
    assert images.max() <= 141


def test_a_quarter_turn_equals_rot90(faces):
    from moue.training.augment import _warp

    quarter = np.array([[[0, -1, 0], [1, 0, 0]]], np.float32)
    turned = _warp(faces[:1, ..., 0].astype(np.float32), quarter)
    np.testing.assert_allclose(turned[0], np.rot90(faces[0, ..., 0]), atol=1e-3)


def test_erasing_fills_one_rectangle_up_to_the_given_size(faces):
    images, _ = augmented(faces, erasing_probability=0.5, erasing_size=0.3)
    erased = (images != faces)[..., 0]
    areas = erased.mean(axis=(1, 2))
    assert 8 < (areas > 0).sum() < 32
    assert areas.max() < 0.33
    for image, mask in zip(images[..., 0], erased, strict=True):
        if mask.any():
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            box = image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            assert len(np.unique(box)) == 1


@pytest.mark.parametrize("settings", [{"mixup_alpha": 0.4}, {"cutmix_alpha": 1.0}, ALL])
def test_mixing_blends_the_targets_of_both_heads(faces, settings):
    _, rows = augmented(faces, **settings)
    np.testing.assert_allclose(rows["emotion"].sum(1), 1, atol=1e-5)
    assert (np.count_nonzero(rows["emotion"], axis=1) == 2).any()
    # A face without votes has a target of zeros.
    assert rows["perceived"].sum(1).max() <= 1 + 1e-5
    assert (rows["perceived"][:10].sum(1) < 1).all()


def test_cutmix_shares_are_the_areas():
    dark, bright = np.zeros((20, 48, 48, 1), np.uint8), np.full((20, 48, 48, 1), 200, np.uint8)
    labels = np.repeat(np.eye(2, dtype=np.float32), 20, axis=0)
    mixed, rows = augment(
        np.concatenate([dark, bright]), {"emotion": labels}, TrainConfig(cutmix_alpha=1), np.random.default_rng(0)
    )
    np.testing.assert_allclose(rows["emotion"][:, 1], (mixed == 200).mean(axis=(1, 2, 3)), atol=1e-5)


def test_brightness_and_contrast_stay_in_range():
    gray = np.full((COUNT, 48, 48, 1), 128, np.uint8)
    images, _ = augmented(gray, brightness=0.2, contrast=0.5)
    means = images.astype(float).mean(axis=(1, 2, 3))
    assert np.abs(means - 128).max() <= 0.2 * 255 + 1
    assert means.std() > 10
