"""Damaged training faces: how many there are, and what each kind of damage does."""

from __future__ import annotations

import numpy as np
import pytest

from moue.training import damage as kinds
from moue.training.damage import damage

COUNT = 300


def edges(count=COUNT):
    """Faces with one sharp edge down the middle: 60 left of it, 180 right of it."""
    faces = np.full((count, 48, 48), 60, np.float32)
    faces[:, :, 24:] = 180
    return faces


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_the_share_of_damaged_faces_is_the_probability(probability):
    faces = edges()
    damage(faces, probability, np.random.default_rng(0))
    share = (faces != edges()).any(axis=(1, 2)).mean()
    assert share == pytest.approx(probability, abs=0.06)


def test_noise_keeps_the_mean_and_its_strength_is_in_range():
    added = kinds._noise(edges(), np.random.default_rng(0)) - edges()
    deviations = added.std(axis=(1, 2))
    assert abs(added.mean()) < 0.2
    assert deviations.min() == pytest.approx(2, abs=0.3)
    assert deviations.max() == pytest.approx(36, abs=2)


@pytest.mark.parametrize("kind", [kinds._motion, kinds._fewer_pixels])
def test_motion_blur_and_fewer_pixels_soften_edges_and_keep_flat_areas(kind):
    result = kind(edges(), np.random.default_rng(0))
    np.testing.assert_allclose(result[:, :, 0], 60, atol=0.01)
    np.testing.assert_allclose(result[:, :, -1], 180, atol=0.01)
    steepest = np.abs(np.diff(result, axis=2)).max(axis=(1, 2))
    assert (steepest < 120).mean() > 0.8
    assert result.mean() == pytest.approx(120, abs=2)
