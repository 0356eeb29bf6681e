"""The settings of a training run: optimizers, schedules, averaged weights, targets, two heads, number formats."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from helpers.data import make_dataset
from moue.classifier.classifier import Classifier
from moue.errors import MoueError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training import batches as feed_module
from moue.training import callbacks
from moue.training.backend import keras
from moue.training.batches import Feed
from moue.training.callbacks import Keeper
from moue.training.config import TrainConfig
from moue.training.copies import describe_copies
from moue.training.expression import mix_heads
from moue.training.expression_fit import FitData, fit_expression
from moue.training.network import assemble, compile_model, make_optimizer
from moue.training.publish import export_run
from moue.training.run_folder import RunFolder
from moue.training.targets import label_given_votes, make_training_targets
from moue.training.teacher_outputs import TeacherOutputs
from moue.training.train import train

TINY = {"widths": [8, 12], "depths": [1, 1]}
# Every setting that could make a resumed run differ, all at once.
ALL_ON = TrainConfig(
    model="small", model_options=TINY, epochs=3, batch_size=24, seed=5, optimizer="sgd", learning_rate=0.05,
    weight_decay=1e-3, schedule="cosine", warmup_epochs=1, label_smoothing=0.1, vote_smoothing=0.3, ema=0.9,
    class_weights=True, ferplus_weight=0.5, flip=True, rotation_degrees=10, shift_fraction=0.1, zoom_fraction=0.1,
    brightness=0.1, contrast=0.1, erasing_probability=0.3, mixup_alpha=0.2, cutmix_alpha=1.0, distill_weight=0.6,
    distill_temperature=2, distill_copies=2,
)  # fmt: skip


def with_votes(dataset, seed=0):
    votes = np.random.default_rng(seed).multinomial(10, np.full(10, 0.1), len(dataset)).astype(np.uint8)
    votes[1::3] += 10 * np.eye(10, dtype=np.uint8)[np.arange(len(votes[1::3])) % 9]  # these votes have a majority
    votes[::7] = 0
    return dataclasses.replace(dataset, votes=votes)


@pytest.fixture(scope="module")
def faces():
    return with_votes(make_dataset(120, seed=3))


def make_teacher(faces, seed=0):
    rng, count = np.random.default_rng(seed), ALL_ON.distill_copies * len(faces.where("train"))
    sizes = {"emotion": 7, "perceived": 10}
    y_prob = {head: rng.dirichlet(np.ones(size), count).astype(np.float32) for head, size in sizes.items()}
    return TeacherOutputs(
        y_prob, {"data": faces.checksum, "views": "single", "teachers": [], **describe_copies(ALL_ON)}
    )


def train_taught(faces, out):
    return train(ALL_ON, faces, out, teacher=make_teacher(faces))


@pytest.fixture(scope="module")
def whole(faces, tmp_path_factory):
    return train_taught(faces, tmp_path_factory.mktemp("runs") / "whole")


def weights_of(path):
    return keras.saving.load_model(path, compile=False).get_weights()


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("without_export")
@pytest.mark.slow
def test_a_resumed_run_equals_an_uninterrupted_one_with_everything_on(whole, faces, tmp_path, monkeypatch):
    class Stopping(Keeper):
        def on_train_batch_begin(self, batch, logs=None):  # noqa: ARG002 (Keras passes both)
            if len(self._history) == 1 and batch == 1:
                raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(callbacks, "Keeper", Stopping)
        assert train_taught(faces, tmp_path / "run").interrupted
    # The batches are the same when several threads make them.
    monkeypatch.setattr(feed_module.os, "cpu_count", lambda: 6)
    resumed = train(ALL_ON, faces, tmp_path / "run", resume=True)
    for name in ("last.keras", "best.keras"):
        assert_same(weights_of(whole.run / name), weights_of(resumed.run / name))
    assert whole.history | {"seconds": 0} == resumed.history | {"seconds": 0}


def test_the_history_has_the_metrics_of_the_emotion_head(whole, faces):
    row = {name: values[0] for name, values in whole.history.items()}
    assert {"loss", "accuracy", "val_loss", "val_accuracy", "emotion_loss", "val_perceived_loss"} <= set(row)
    assert row["val_loss"] == pytest.approx(row["val_emotion_loss"] + 0.5 * row["val_perceived_loss"], rel=1e-4)
    validation = faces.subset("val")
    predicted = Classifier.load(whole.run).predict_proba(validation.images, head="emotion").argmax(1)
    assert whole.best_val_accuracy == pytest.approx((predicted == validation.labels).mean())


def test_the_best_model_holds_averaged_weights(whole, faces):
    """The saved model is the one that validation scored; the last state holds the training's own weights."""
    validation = faces.subset("val")
    model = keras.saving.load_model(whole.run / "best.keras", compile=False)
    y_prob = model.predict(validation.images, verbose=0)["emotion"]
    loss = -np.log(y_prob[np.arange(len(validation)), validation.labels]).mean()
    assert loss == pytest.approx(whole.history["val_emotion_loss"][whole.best_epoch - 1], rel=1e-4)
    last = keras.saving.load_model(whole.run / "last.keras")
    averages = last.optimizer._model_variables_moving_average
    assert all(
        np.abs(np.asarray(own) - np.asarray(average)).max() > 0
        for own, average in zip(last.trainable_variables, averages, strict=True)
    )


def test_both_heads_are_exported_and_calibrated(whole, faces):
    classifier = Classifier.load(whole.run)
    model = keras.saving.load_model(whole.run / "best.keras", compile=False)
    images = faces.subset("test").images
    expected = model.predict(images, verbose=0)
    for head, names in (("emotion", faces.class_names), ("perceived", FERPLUS_NAMES)):
        assert classifier.spec.head(head).class_names == names
        found = classifier.predict_proba(images, head=head, calibrated=False)
        np.testing.assert_allclose(found, expected[head], atol=1e-5)


def test_each_head_is_calibrated_on_its_own_labels(whole, faces, tmp_path):
    """Votes that all agree with the model give "perceived" the lowest temperature and do not affect "emotion"."""
    run = RunFolder(Path(shutil.copytree(whole.run, tmp_path / "run")))
    predicted = Classifier.load(whole.run).predict_proba(faces.images, head="perceived").argmax(1)
    votes = 10 * np.eye(10, dtype=np.uint8)[predicted]
    export_run(run, dataclasses.replace(faces, votes=votes))
    before, after = (Classifier.load(path).spec for path in (whole.run, run.path))
    assert after.head("perceived").temperature == pytest.approx(0.05, rel=1e-3)
    assert after.head("emotion") == before.head("emotion")


def test_missing_or_different_votes_are_refused(whole, faces, tmp_path):
    plain = make_dataset(120, seed=3)
    with pytest.raises(MoueError, match=r"no FER\+ votes(?s:.*)--ferplus"):
        train(ALL_ON, plain, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    blank = np.where(faces.split[:, None] == "val", 0, faces.votes).astype(np.uint8)
    with pytest.raises(MoueError, match=r"val split"):
        train(ALL_ON, dataclasses.replace(plain, votes=blank), tmp_path / "run")
    with pytest.raises(MoueError, match=r"the FER\+ votes: checksum"):
        train(ALL_ON, with_votes(plain, seed=9), whole.run, resume=True)
    with pytest.raises(MoueError, match=r"no FER\+ votes(?s:.*)--ferplus"):
        export_run(RunFolder(whole.run), plain)


def test_resuming_needs_the_same_teacher(whole, faces, tmp_path):
    run = RunFolder(Path(shutil.copytree(whole.run, tmp_path / "run")))
    run.teacher.unlink()
    with pytest.raises(MoueError, match=r"no teacher(?s:.*)moue distill"):
        train(ALL_ON, faces, run.path, resume=True)
    with pytest.raises(MoueError, match="the teacher's predictions: checksum"):
        train(ALL_ON, faces, run.path, resume=True, teacher=make_teacher(faces, seed=1))


def test_the_expression_layer_is_fitted_on_the_validation_split(whole, faces):
    classifier = Classifier.load(whole.run)
    val = faces.subset("val")
    y_prob = classifier.predict_heads(val.images, calibrated=False)
    fit_data = FitData.of_votes(val, y_prob)
    # Fitted on the outputs of the ONNX file, which equal those of Keras except for rounding.
    refitted = fit_expression(classifier.spec.heads, faces.class_names, fit_data)
    np.testing.assert_allclose(mix_heads(y_prob, refitted), mix_heads(y_prob, classifier.spec.expression), atol=1e-3)
    np.testing.assert_allclose(y_prob["expression"], mix_heads(y_prob, classifier.spec.expression), atol=1e-4)
    assert classifier.spec.data["expression"] == f"the FER+ votes on {len(fit_data.labels)} validation faces"


def test_other_faces_are_included_in_the_fit(whole, faces, tmp_path):
    run = RunFolder(Path(shutil.copytree(whole.run, tmp_path / "run")))
    others = dataclasses.replace(make_dataset(40, seed=8), class_names=(*CLASS_NAMES[:6], "bored"))
    export_run(run, faces, others=others)
    spec = Classifier.load(run.path).spec
    known = int((others.labels < 6).sum())
    assert spec.data["expression"].endswith(f"validation faces and the labels of {known} other faces")
    assert spec.expression != Classifier.load(whole.run).spec.expression


def test_a_file_with_16_bit_weights_has_the_expression_too(whole, faces, tmp_path):
    run = RunFolder(Path(shutil.copytree(whole.run, tmp_path / "run")))
    result = export_run(run, faces, half=True)
    assert result.outputs[:2] == ("expression", "not_face")
    classifier = Classifier.load(run.path)
    assert (result.path, result.sha256) == (run.onnx, classifier.spec.onnx_sha256)
    images = faces.subset("test").images
    y_prob = classifier.predict_heads(images, calibrated=False)
    expected = mix_heads(y_prob, classifier.spec.expression)
    np.testing.assert_allclose(y_prob["expression"], expected, atol=1e-4)


def test_faces_without_votes_add_nothing_to_the_loss(faces):
    config = TrainConfig(model="small", model_options=TINY, ferplus_weight=1)
    model = assemble(config, 7)
    compile_model(model, config, 1)
    emotion = faces.one_hot()
    zeros = np.zeros((len(faces), 10), np.float32)
    result = model.evaluate(
        faces.images, {"emotion": emotion, "perceived": zeros}, batch_size=120, verbose=0, return_dict=True
    )
    assert result["perceived_loss"] == 0
    assert result["loss"] == pytest.approx(result["emotion_loss"])


@pytest.mark.slow
def test_mixed_precision_trains_and_exports_float32(faces, tmp_path):
    config = TrainConfig(
        model="small", model_options=TINY, epochs=1, batch_size=24, precision="mixed_bfloat16", ferplus_weight=0.2
    )
    result = train(config, faces, tmp_path / "run")
    assert result.exported
    model = keras.saving.load_model(result.run / "best.keras", compile=False)
    assert any(layer.compute_dtype == "bfloat16" for layer in model.layers)
    images = faces.subset("val").images
    rough, exact = model.predict(images, verbose=0)["emotion"], Classifier.load(result.run).predict_proba(images)
    assert rough.dtype == np.float32
    assert np.abs(rough - exact).max() > 0
    assert keras.config.dtype_policy().name == "float32"


def learning_rates(config, steps):
    schedule = make_optimizer(config, steps_per_epoch=10)._learning_rate
    return [float(schedule(step)) for step in steps]


def test_schedules():
    config = TrainConfig(epochs=10, learning_rate=0.4, warmup_epochs=2, schedule="cosine")
    found = learning_rates(config, [0, 10, 20, 60, 100])
    np.testing.assert_allclose(found, [0, 0.2, 0.4, 0.2, 0], atol=1e-6)
    config = dataclasses.replace(config, schedule="constant")
    np.testing.assert_allclose(learning_rates(config, [0, 10, 20, 60, 100]), [0, 0.2, 0.4, 0.4, 0.4], atol=1e-6)
    config = dataclasses.replace(config, schedule="cosine", warmup_epochs=0)
    np.testing.assert_allclose(learning_rates(config, [0, 50, 100]), [0.4, 0.2, 0], atol=1e-6)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_weight_decay_spares_biases_and_normalisation(name):
    config = TrainConfig(optimizer=name, learning_rate=0.1, weight_decay=0.5, model="small", model_options=TINY)
    model = assemble(config, 7)
    for variable in model.trainable_variables:
        variable.assign(np.ones(variable.shape))
    optimizer = make_optimizer(config, 1)
    optimizer.build(model.trainable_variables)
    optimizer.apply([np.zeros(v.shape, np.float32) for v in model.trainable_variables], model.trainable_variables)
    after = {variable.path: float(np.asarray(variable).max()) for variable in model.trainable_variables}
    for path, value in after.items():
        assert value == pytest.approx(0.95 if path.endswith("kernel") else 1.0), path


def test_sgd_is_nesterov():
    optimizer = make_optimizer(TrainConfig(optimizer="sgd", momentum=0.8), 1)
    assert (optimizer.nesterov, optimizer.momentum) == (True, 0.8)


def test_smoothing_and_class_weights_change_training_targets_only():
    data = make_dataset(60)
    labels = np.where(np.arange(60) < 45, 0, 1).astype(np.uint8)
    data = dataclasses.replace(data, labels=labels)
    smooth = make_training_targets(data, TrainConfig(label_smoothing=0.1))["emotion"]
    np.testing.assert_allclose(smooth[0], [0.9 + 0.1 / 7, *[0.1 / 7] * 6], rtol=1e-5)
    weighted = make_training_targets(data, TrainConfig(class_weights=True))["emotion"]
    assert weighted[labels == 0].sum() == pytest.approx(weighted[labels == 1].sum())


def test_vote_smoothing_uses_the_label_frequencies_of_faces_with_similar_votes():
    # 40 faces with all votes for 0, three in four labelled 3; 40 for 1, all labelled 5; 20 without votes.
    votes = np.zeros((100, 10), np.uint8)
    votes[:40, 0], votes[40:80, 1] = 10, 10
    labels = np.array([3, 3, 3, 6] * 10 + [5] * 40 + [0] * 20)
    expected = label_given_votes(votes, labels, 7)
    np.testing.assert_allclose(expected.sum(axis=1), 1, rtol=1e-5)
    assert expected[0, 3] == pytest.approx(0.72, abs=0.04)
    assert expected[0, 6] == pytest.approx(0.25, abs=0.04)
    assert expected[40].argmax() == 5
    assert expected[99].argmax() == 0
    data = dataclasses.replace(make_dataset(100), votes=votes, labels=labels.astype(np.uint8))
    targets = make_training_targets(data, TrainConfig(vote_smoothing=0.4))["emotion"]
    np.testing.assert_allclose(targets, 0.6 * np.eye(7)[labels] + 0.4 * expected, rtol=1e-5)
    with pytest.raises(MoueError, match="no FER\\+ votes"):
        make_training_targets(make_dataset(20), TrainConfig(vote_smoothing=0.4))


def test_a_batch_depends_only_on_seed_epoch_and_index(faces):
    copies = make_teacher(faces).each_copy()
    train_part = faces.subset("train")
    targets = [make_training_targets(train_part, ALL_ON, y_prob) for y_prob in copies]
    feeds = [Feed(train_part.images, targets, ALL_ON, first_epoch=epoch) for epoch in (0, 2)]
    (images, rows), (same, same_rows) = (feed.batch(2, 1) for feed in feeds)
    np.testing.assert_array_equal(images, same)
    np.testing.assert_array_equal(rows["perceived"], same_rows["perceived"])
    np.testing.assert_array_equal(feeds[1][1][0], images)
    assert (feeds[0].batch(1, 1)[0] != images).any()


def test_the_description_has_all_settings(whole):
    assert json.loads((whole.run / "model.json").read_text())["recipe"] == ALL_ON.to_dict()


@pytest.mark.parametrize("name", ["seed_cnn", "mini_xception"])
def test_other_model_families_support_the_second_head(name, faces):
    model = assemble(TrainConfig(model=name, ferplus_weight=1), 7)
    outputs = model.predict(faces.images[:3], verbose=0)
    assert {head: y_prob.shape for head, y_prob in outputs.items()} == {"emotion": (3, 7), "perceived": (3, 10)}
    # Its own layer on the trunk's features, not on the seven probabilities.
    assert model.get_layer("perceived").kernel.shape[0] >= 128
