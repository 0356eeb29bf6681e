"""The registry of heads: one entry says how a head is trained, calibrated and scored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import make_dataset
from moue import heads as room
from moue.errors import MoueError
from moue.heads import EMOTION, PERCEIVED, Head, find_head, heads_in, list_heads, reference_for_expression, register
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.training.config import TrainConfig


@pytest.fixture
def faces():
    votes = np.zeros((60, 10), np.uint8)
    votes[:, 1] = 6
    votes[:, 0] = 4
    votes[0] = 0
    return dataclasses.replace(make_dataset(60), votes=votes)


def test_the_weights_of_a_configuration_switch_heads_on():
    assert list_heads() == (EMOTION, PERCEIVED)
    assert heads_in(TrainConfig()) == {EMOTION: 1.0}
    assert heads_in(TrainConfig(ferplus_weight=0.5)) == {EMOTION: 1.0, PERCEIVED: 0.5}
    assert EMOTION.names_for(("no", "yes")) == ("no", "yes")
    assert PERCEIVED.names_for(("no", "yes")) == FERPLUS_NAMES


def test_names_are_given_once_and_unknown_ones_refused():
    for name in ("emotion", "expression", "not_face"):
        with pytest.raises(MoueError, match="registered already"):
            register(dataclasses.replace(EMOTION, name=name))
    assert find_head("perceived") is PERCEIVED
    with pytest.raises(MoueError, match="one of emotion, perceived"):
        find_head("age")


def test_targets_are_labels_and_votes(faces):
    np.testing.assert_array_equal(EMOTION.targets(faces), faces.one_hot())
    rows = PERCEIVED.targets(faces)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows[1], [0.4, 0.6] + [0.0] * 8, rtol=1e-6)
    assert not rows[0].any()  # no votes: counts for nothing


def test_calibration_takes_each_label_and_each_vote(faces):
    positions, classes = EMOTION.calibration(faces)
    np.testing.assert_array_equal(positions, np.arange(60))
    np.testing.assert_array_equal(classes, faces.labels)
    positions, classes = PERCEIVED.calibration(faces)
    assert len(positions) == 10 * 59
    assert 0 not in positions
    np.testing.assert_array_equal(np.bincount(classes), [4 * 59, 6 * 59])


def test_each_head_is_scored_by_its_own_rule(faces):
    seven, ten = np.full((60, 7), 1 / 7), np.full((60, 10), 0.1)
    np.testing.assert_array_equal(EMOTION.reference(faces, seven).y_true, faces.labels)
    perceived = PERCEIVED.reference(faces, ten)
    assert perceived.class_names == FERPLUS_NAMES[:8]
    np.testing.assert_array_equal(perceived.y_true, [-1] + [1] * 59)
    np.testing.assert_allclose(perceived.y_prob, 1 / 8)
    np.testing.assert_array_equal(reference_for_expression(faces, seven).y_true[1:], CLASS_NAMES.index("happy"))
    plain = dataclasses.replace(faces, votes=None)
    np.testing.assert_array_equal(reference_for_expression(plain, seven).y_true, faces.labels)
    with pytest.raises(MoueError, match="--ferplus"):
        PERCEIVED.targets(plain)


def test_a_third_head_is_one_entry(faces, monkeypatch):
    """It is built, compiled and given its targets without another line of code."""
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    from moue.training.network import assemble, compile_model
    from moue.training.targets import make_training_targets

    monkeypatch.setattr(room, "_HEADS", dict(room._HEADS))
    register(
        Head(
            name="smiling",
            class_names=("no", "yes"),
            weight_field="ferplus_weight",
            targets=lambda some: np.eye(2, dtype=np.float32)[(some.labels == 3).astype(int)],
            calibration=EMOTION.calibration,
            reference=EMOTION.reference,
        )
    )
    config = TrainConfig(model="small", model_options={"widths": [8], "depths": [1]}, ferplus_weight=0.5)
    model = assemble(config, 7)
    compile_model(model, config, 1)
    targets = make_training_targets(faces, config)
    assert {name: rows.shape[1] for name, rows in targets.items()} == {"emotion": 7, "perceived": 10, "smiling": 2}
    numbers = model.evaluate(faces.images, targets, verbose=0, return_dict=True)
    assert {"emotion_loss", "perceived_loss", "smiling_loss"} <= set(numbers)
