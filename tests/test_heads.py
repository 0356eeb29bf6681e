"""The registry of heads: one entry defines how a head is trained, calibrated and scored."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import make_dataset
from moue import heads
from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.evaluation.evaluate import evaluate
from moue.files import read_json
from moue.heads import (
    EMOTION,
    PERCEIVED,
    Head,
    Reference,
    find_head,
    heads_in,
    list_heads,
    reference_for_expression,
    register,
)
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


@pytest.mark.parametrize(("weights", "message"), [({"age": 1}, "names 'age'"), ({"perceived": 1}, "names 'perceived'")])
def test_weights_of_unknown_heads_are_refused(weights, message):
    with pytest.raises(MoueError, match=message):
        heads_in(TrainConfig(head_weights=weights))


def test_duplicate_and_unknown_names_are_refused():
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
    assert not rows[0].any()  # no votes: adds nothing to the loss


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


def smiles(faces):
    return (faces.labels == CLASS_NAMES.index("happy")).astype(np.int64)


@pytest.mark.slow
def test_a_third_head_is_one_entry(faces, tmp_path, monkeypatch):
    """It is built, trained, exported, calibrated and scored without any other code."""
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    from moue.training.train import train

    monkeypatch.setattr(heads, "_HEADS", dict(heads._HEADS))
    names = ("no", "yes")
    register(
        Head(
            name="smiling",
            class_names=names,
            targets=lambda data: np.eye(2, dtype=np.float32)[smiles(data)],
            calibration=lambda data: (np.arange(len(data.labels)), smiles(data)),
            reference=lambda data, y_prob: Reference(smiles(data), y_prob, names, "whether the label is happy"),
        )
    )
    options = {"widths": [8], "depths": [1]}
    config = TrainConfig(
        model="small", model_options=options, epochs=1, batch_size=24, ferplus_weight=0.5, head_weights={"smiling": 0.3}
    )
    result = train(config, faces, tmp_path / "run")
    row = read_json(result.run / "history.json")[0]
    assert {"emotion_loss", "perceived_loss", "smiling_loss", "val_smiling_loss"} <= set(row)
    model = Classifier.load(result.run)
    assert model.heads == ("expression", "emotion", "perceived", "smiling")
    assert model.predict_proba(faces.images, head="smiling").shape == (60, 2)
    assert set(evaluate(model, faces).heads) == {"expression", "perceived", "smiling"}
