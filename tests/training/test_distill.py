"""Distillation: the teachers' predictions are saved, reused, checked and blended into the training targets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.data import make_dataset
from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.classifier.ensemble import Ensemble
from moue.data.load import load_fer2013
from moue.data.write import write_csv
from moue.errors import MoueError
from moue.evaluation.tta import list_views, with_views
from moue.files import read_json, sha256_of
from moue.labels import CLASS_NAMES, FERPLUS_NAMES
from moue.training.config import TrainConfig
from moue.training.distill import find_teacher, refuse_other_teachers, teach
from moue.training.targets import blend, make_targets, make_training_targets
from moue.training.teacher_outputs import TeacherOutputs

TINY = {"widths": [8, 12], "depths": [1, 1]}
CONFIG = TrainConfig(ferplus_weight=0.5, distill_weight=0.6, distill_temperature=2.0)


def with_votes(dataset):
    votes = np.random.default_rng(0).multinomial(10, np.full(10, 0.1), len(dataset)).astype(np.uint8)
    votes[::7] = 0
    return dataclasses.replace(dataset, votes=votes)


@pytest.fixture(scope="module")
def faces():
    return with_votes(make_dataset(60, seed=3))


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    """Two teachers with only the head "emotion", and one with both heads."""
    folder = tmp_path_factory.mktemp("teachers")
    return [
        save_run(folder / "one", temperature=2.0),
        save_run(folder / "two", side=24),
        save_perceived(folder / "three"),
    ]


def save_perceived(folder):
    """A run folder with a model that has the two heads of FER+ training: 7 and 10 classes."""
    onnx = pytest.importorskip("onnx")
    from moue.classifier.output_spec import ExpressionSpec, HeadSpec
    from moue.classifier.spec import ModelSpec
    from moue.training.expression import append_expression

    folder.mkdir()
    helper, kind, rng = onnx.helper, onnx.TensorProto.FLOAT, np.random.default_rng(4)
    nodes, outputs, weights = [helper.make_node("Flatten", ["image"], ["flat"], axis=1)], [], []
    for head, classes in (("emotion", 7), ("perceived", 10)):
        matrix = rng.normal(0, 1e-3, (48 * 48, classes)).astype(np.float32)
        weights.append(onnx.numpy_helper.from_array(matrix, f"{head}_matrix"))
        nodes += [
            helper.make_node("MatMul", ["flat", f"{head}_matrix"], [f"{head}_logits"]),
            helper.make_node("Softmax", [f"{head}_logits"], [head]),
        ]
        outputs.append(helper.make_tensor_value_info(head, kind, ["N", classes]))
    image = helper.make_tensor_value_info("image", kind, ["N", 48, 48, 1])
    graph = helper.make_graph(nodes, "two", [image], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    heads = (HeadSpec("emotion", "emotion"), HeadSpec("perceived", "perceived", FERPLUS_NAMES, 1.5))
    expression = ExpressionSpec.of_head(heads[0])
    append_expression(folder / "model.onnx", heads, expression)
    ModelSpec("two", sha256_of(folder / "model.onnx"), heads, expression).save(folder / "model.json")
    return folder


@pytest.mark.parametrize("views", list_views())
def test_the_teachers_are_averaged_over_the_training_split_only(views, teachers, faces, tmp_path):
    steps = []
    outputs = teach(teachers, faces, views=views, progress=lambda *step: steps.append(step))
    train = faces.subset("train")
    assert steps[-1] == (len(train), len(train))
    ensemble = Ensemble.load(teachers)
    expected = with_views(lambda images: ensemble.predict_proba(images, head="emotion"), views)(train.images)
    np.testing.assert_allclose(outputs.probabilities["emotion"], expected, atol=1e-6)
    third = Classifier.load(teachers[2])
    expected = with_views(lambda images: third.predict_proba(images, head="perceived"), views)(train.images)
    np.testing.assert_allclose(outputs.probabilities["perceived"], expected, atol=1e-6)
    outputs.save(tmp_path / "teacher.npz")
    # The file is enough: the teachers themselves are not needed.
    loaded = teach([tmp_path / "teacher.npz"], faces)
    assert (loaded.checksum, loaded.origin) == (outputs.checksum, outputs.origin)
    # Other test and validation pixels do not change the predictions.
    other = faces.images.copy()
    other[faces.split != "train"] = 0
    same = teach(teachers, dataclasses.replace(faces, images=other), views=views)
    assert same.checksum == outputs.checksum


def test_the_teachers_of_a_run_are_checked_without_running_them(teachers, faces, cache, monkeypatch):
    outputs = TeacherOutputs.load(cache, faces)
    monkeypatch.setattr(Classifier, "predict_heads", None)
    refuse_other_teachers(outputs, teachers, faces, "single", CONFIG)
    refuse_other_teachers(outputs, [cache], faces, "single", CONFIG)
    for others, views in ((teachers[:1], "single"), (teachers, "flip")):
        with pytest.raises(MoueError, match=r"started with the predictions of (?s:.*)another --out"):
            refuse_other_teachers(outputs, others, faces, views, CONFIG)


def test_unfit_teachers_are_refused(teachers, faces, cache, tmp_path):
    with pytest.raises(MoueError, match=r"no teacher(?s:.*)--teacher RUN"):
        teach([], faces)
    with pytest.raises(MoueError, match="unknown views 'all'"):
        teach(teachers, faces, views="all")
    reversed_names = save_run(tmp_path / "other", class_names=CLASS_NAMES[::-1])
    with pytest.raises(MoueError, match=r"head 'emotion' of .*other(?s:.*)Use another teacher"):
        teach([reversed_names], faces)
    for teacher in (cache, TeacherOutputs.load(cache, faces)):
        with pytest.raises(MoueError, match="is about data with checksum"):
            find_teacher(teacher, CONFIG, make_dataset(60, seed=4))


@pytest.fixture(scope="module")
def cache(teachers, faces, tmp_path_factory):
    path = tmp_path_factory.mktemp("cache") / "teacher.npz"
    teach(teachers, faces).save(path)
    return path


@given(st.data())
def test_a_damaged_file_is_a_clear_error(cache, faces, tmp_path_factory, data):
    content = bytearray(cache.read_bytes())
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    position = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:position]
    else:
        content[position] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        loaded = TeacherOutputs.load(path, faces)
    except MoueError:
        return
    # Bytes that no checksum of the zip archive covers are not data.
    assert loaded.checksum == TeacherOutputs.load(cache, faces).checksum


@pytest.mark.parametrize("weight", [0.0, 0.3, 1.0])
def test_targets_are_blended(weight):
    label = np.array([[1, 0, 0], [0, 0, 0]], np.float32)
    teacher = np.array([[0.64, 0.32, 0.04], [0.25, 0.25, 0.5]], np.float32)
    config = TrainConfig(distill_weight=weight, distill_temperature=2.0)
    root = np.sqrt(teacher)
    expected = (1 - weight) * label + weight * root / root.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(blend(label, teacher, config), expected, atol=1e-6)
    plain = dataclasses.replace(config, distill_temperature=1.0)
    np.testing.assert_allclose(blend(label, teacher, plain), (1 - weight) * label + weight * teacher, atol=1e-6)


def test_every_head_uses_the_teachers_probabilities_for_that_head(cache, faces):
    train, teacher = faces.subset("train"), TeacherOutputs.load(cache, faces).probabilities
    plain = make_targets(train, CONFIG)
    for heads in (("emotion", "perceived"), ("emotion",)):
        found = make_training_targets(train, CONFIG, {head: teacher[head] for head in heads})
        for head, rows in plain.items():
            expected = blend(rows, teacher[head], CONFIG) if head in heads else rows
            np.testing.assert_array_equal(found[head], expected)
    single = make_training_targets(train, dataclasses.replace(CONFIG, ferplus_weight=0), teacher)
    assert set(single) == {"emotion"}
    smooth = dataclasses.replace(CONFIG, label_smoothing=0.1, class_weights=True)
    rows = make_training_targets(train, smooth, teacher)["emotion"]
    counts = np.bincount(train.labels, minlength=7)
    expected = blend((0.9 * plain["emotion"] + 0.1 / 7).astype(np.float32), teacher["emotion"], CONFIG)
    expected *= (len(train) / (7 * counts))[train.labels][:, None]
    np.testing.assert_allclose(rows, expected, rtol=1e-5)


def test_a_weight_needs_a_teacher_and_a_teacher_a_weight(faces):
    with pytest.raises(MoueError, match=r"no teacher(?s:.*)distill_weight = 0.6"):
        make_training_targets(faces.subset("train"), CONFIG)
    with pytest.raises(MoueError, match=r"no teacher(?s:.*)distill_weight = 0.6(?s:.*)moue distill"):
        find_teacher(None, CONFIG, faces)
    assert find_teacher(None, TrainConfig(), faces) is None
    with pytest.raises(MoueError, match="a teacher with distill_weight = 0"):
        find_teacher(TeacherOutputs({}, {}), TrainConfig(), faces)


@pytest.mark.slow
def test_the_command(moue, teachers, tmp_path):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    data, out = tmp_path / "faces.csv", tmp_path / "student"
    write_csv(make_dataset(60), data)
    small = f"model_options={{widths = {TINY['widths']}, depths = {TINY['depths']}}}"
    words = ("distill", data, "--recipe", "small", "--set", "ferplus_weight=0", "--set", small, "--out", out)
    few = ("--epochs", 1, "--set", "warmup_epochs=0", "--views", "flip")
    code, _, err = moue(*words, *few[:-2])
    assert (code, "--teacher RUN" in err) == (2, True)
    code, _, err = moue(*words, *few, "--set", "distill_weight=0", "--teacher", teachers[0])
    assert (code, "distill_weight=0" in err) == (2, True)
    code, _, err = moue(*words, *few, "--teacher", tmp_path / "teacher.npz")
    assert (code, "already averaged" in err) == (2, True)
    code, _, err = moue(*words, *few, *(word for teacher in teachers for word in ("--teacher", teacher)))
    assert code == 0, err
    assert "distill_weight=0.7, distill_temperature=2" in err
    assert read_json(out / "config.json")["distill_weight"] == 0.7
    teacher = TeacherOutputs.load(out / "teacher.npz", load_fer2013(data))
    for name in ("environment.json", "model.json"):
        data_record = read_json(out / name)["data"]
        assert (data_record["teacher"], data_record["teacher_checksum"]) == (teacher.origin, teacher.checksum)
    assert (len(teacher.origin["teachers"]), teacher.origin["views"]) == (3, "flip")
    assert read_json(out / "environment.json")["command"].startswith(f"moue distill {data}")
    assert moue(*words, *few, "--resume")[0] == 0
    code, _, err = moue(*words, *few, "--resume", "--teacher", teachers[0])
    assert (code, "started with the predictions of" in err) == (1, True)
    code, _, err = moue(
        "train", data, "--recipe", "small_distilled", "--set", "ferplus_weight=0", "--out", tmp_path / "x"
    )
    assert (code, "moue distill" in err) == (2, True)
    assert not (tmp_path / "x").exists()
