"""Moved copies of faces, which a teacher classifies and its student trains on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import make_dataset
from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.training.config import TrainConfig
from moue.training.copies import make_copy, student_augmentation
from moue.training.distill import find_teacher, teach
from moue.training.targets import make_training_targets
from moue.training.teacher_outputs import TeacherOutputs

CONFIG = TrainConfig(
    distill_weight=0.6, distill_copies=3, batch_size=16, flip=True, rotation_degrees=15, contrast=0.3,
    erasing_probability=1.0, damage_probability=0.5,
)  # fmt: skip


@pytest.fixture(scope="module")
def faces():
    return make_dataset(60, seed=3)


def test_a_copy_depends_only_on_its_number_and_the_moves(faces):
    first = make_copy(faces.images, CONFIG, 0)
    assert first.shape == faces.images.shape
    hidden = dataclasses.replace(CONFIG, erasing_probability=0.0, damage_probability=0.0, mixup_alpha=1.0, seed=7)
    np.testing.assert_array_equal(first, make_copy(faces.images, hidden, 0))
    for other in (faces.images, make_copy(faces.images, CONFIG, 1)):
        assert (first != other).any(axis=(1, 2, 3)).all()


def test_the_student_sees_each_copy_with_the_teachers_predictions_for_it(faces, tmp_path):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    from moue.training.batches import Feed

    run = save_run(tmp_path / "teacher")
    outputs = teach([run], faces, config=CONFIG)
    train = faces.subset("train")
    teacher = Classifier.load(run)
    for number, part in enumerate(outputs.each_copy()):
        expected = teacher.predict_proba(make_copy(train.images, CONFIG, number))
        np.testing.assert_allclose(part["emotion"], expected, atol=1e-6)
    plain = dataclasses.replace(CONFIG, erasing_probability=0.0, damage_probability=0.0)
    feed = Feed(train.images, [make_training_targets(train, plain, part) for part in outputs.each_copy()], plain)
    for epoch in (0, 1, 2, 3):
        number = epoch % 3
        images, targets = feed.batch(epoch, 0)
        copy = make_copy(train.images, plain, number)
        both = np.concatenate([copy, copy[:, :, ::-1]])
        found = np.array([int((both == image).all(axis=(1, 2, 3)).argmax()) for image in images])
        np.testing.assert_array_equal(both[found], images)
        assert 0 < (found >= len(copy)).sum() < len(images)  # some of the student's copies are mirrored
        rows = found % len(copy)
        expected = make_training_targets(train, plain, outputs.each_copy()[number])["emotion"]
        np.testing.assert_array_equal(expected[rows], targets)


def test_the_student_gets_erasing_damage_and_mirroring_but_no_other_moves():
    augmentation = student_augmentation(CONFIG)
    assert (augmentation.flip, augmentation.rotation_degrees, augmentation.contrast) == (True, 0, 0)
    assert (augmentation.erasing_probability, augmentation.damage_probability) == (1.0, 0.5)
    without = dataclasses.replace(CONFIG, distill_copies=0)
    assert student_augmentation(without) == without


def test_predictions_for_other_copies_are_refused(faces, tmp_path):
    outputs = teach([save_run(tmp_path / "teacher")], faces, config=CONFIG)
    outputs.save(tmp_path / "teacher.npz")
    loaded = find_teacher(tmp_path / "teacher.npz", CONFIG, faces)
    assert loaded is not None
    assert loaded.checksum == outputs.checksum
    for change, named in (({"distill_copies": 2}, "number"), ({"rotation_degrees": 10.0}, "rotation_degrees")):
        with pytest.raises(MoueError, match=rf"other settings \({named}\)"):
            find_teacher(tmp_path / "teacher.npz", dataclasses.replace(CONFIG, **change), faces)
    plain = dataclasses.replace(CONFIG, distill_copies=0)
    with pytest.raises(MoueError, match="other settings"):
        find_teacher(TeacherOutputs(outputs.each_copy()[0], teach([tmp_path / "teacher"], faces).origin), CONFIG, faces)
    assert find_teacher(teach([tmp_path / "teacher"], faces), plain, faces)
