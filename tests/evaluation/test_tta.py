"""Test-time augmentation: every registered set of views, and that scores record their views."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.cli.options import ViewsName
from moue.errors import MoueError
from moue.evaluation.evaluate import Evaluation, evaluate
from moue.evaluation.tta import list_views, views_of, with_views
from moue.media.pixels import resize

NUM_VIEWS = {"single": 1, "flip": 2, "ten_crop": 10}


def noise(count=4, side=48, channels=1):
    return np.random.default_rng(0).integers(0, 256, (count, side, side, channels), np.uint8)


def read_corner(images):
    """Probabilities of two classes from the brightness of the upper left corner."""
    share = images[:, :12, :12, 0].mean(axis=(1, 2)) / 255
    return np.stack([share, 1 - share], axis=1)


def test_the_registry_and_the_option_have_the_same_names():
    assert {name: len(views) for name, views in list_views().items()} == NUM_VIEWS
    assert {name.value for name in ViewsName} == set(NUM_VIEWS)


@pytest.mark.parametrize("name", NUM_VIEWS)
@pytest.mark.parametrize("shape", [(5, 48, 48, 1), (1, 48, 48, 1), (0, 48, 48, 1), (2, 7, 96, 3)])
def test_views_keep_shape_and_type_and_do_not_change_their_input(name, shape):
    images = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    before = images.copy()
    for view in list_views()[name].views:
        viewed = view(images)
        assert (viewed.shape, viewed.dtype) == (shape, np.uint8)
    np.testing.assert_array_equal(images, before)


@pytest.mark.parametrize("name", NUM_VIEWS)
def test_all_views_differ_and_a_flat_face_stays_flat(name):
    views = list_views()[name].views
    assert len({view(noise(1)).tobytes() for view in views}) == len(views)
    flat = np.full((1, 48, 48, 1), 200, np.uint8)
    assert all((view(flat) == 200).all() for view in views)


@pytest.mark.parametrize("name", ["flip", "ten_crop"])
def test_a_mirrored_face_has_the_same_views_in_another_order(name):
    views, images = list_views()[name].views, noise()
    direct = {view(images).tobytes() for view in views}
    mirrored = {np.ascontiguousarray(view(images[:, :, ::-1])).tobytes() for view in views}
    if name == "flip":
        assert direct == mirrored
    # Values at .5 may be rounded either way.
    stacks = [
        np.sort([np.asarray(view(faces), int) for view in views], axis=0) for faces in (images, images[:, :, ::-1])
    ]
    assert np.abs(stacks[0] - stacks[1]).max() <= 1


def test_ten_crop_is_corners_and_centre_enlarged():
    images, views = noise(), list_views()["ten_crop"].views
    for view, (top, left) in zip(views, [(0, 0), (0, 4), (4, 0), (4, 4), (2, 2)], strict=False):
        cut = images[:, top : top + 44, left : left + 44, 0]
        assert np.abs(np.stack([resize(face) for face in cut]).astype(int) - view(images)[..., 0]).max() <= 1
    for plain, mirrored in zip(views[:5], views[5:], strict=True):
        np.testing.assert_array_equal(plain(images)[:, :, ::-1], mirrored(images))


@pytest.mark.parametrize("name", NUM_VIEWS)
def test_probabilities_are_averaged(name):
    images = noise()
    expected = np.mean([read_corner(view(images)) for view in list_views()[name].views], axis=0)
    np.testing.assert_allclose(with_views(read_corner, name)(images), expected)


def test_unknown_views_list_the_known_ones():
    with pytest.raises(MoueError, match=r"'five'(?s:.*)single, flip, ten_crop"):
        with_views(read_corner, "five")


@pytest.mark.parametrize("name", NUM_VIEWS)
def test_scores_record_their_views(name, tmp_path):
    def predict(images):
        return (0.04 + 0.72 * np.eye(7)[images[:, 0, 0, 0] % 7]).astype(np.float32)

    result = evaluate(with_views(predict, name), make_dataset(), split="val")
    assert (result.views, result.num_views) == (name, NUM_VIEWS[name])
    assert f"{NUM_VIEWS[name]} view{'s' if name != 'single' else ''} ({name})" in result.table()
    again = Evaluation.load(result.save(tmp_path))
    assert (again.views, again.num_views, again.members) == (name, NUM_VIEWS[name], ())
    assert again.to_dict() == result.to_dict()


def test_a_plain_model_has_one_view():
    assert views_of(read_corner).name == "single"
