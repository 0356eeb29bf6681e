"""Fine-tuning a shipped model on own classes: its trunk read back from ONNX, its head fitted, the whole command."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

from helpers.data import make_dataset
from moue.classifier.classifier import Classifier
from moue.classifier.locate import locate
from moue.data.synthetic.dataset import synthesize
from moue.errors import MoueError
from moue.files import read_json

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training import from_onnx
from moue.training.backend import keras
from moue.training.config import TrainConfig
from moue.training.finetune import finetune_config, fit_to_amount, keep_statistics
from moue.training.from_onnx import load_exported
from moue.training.network import make_optimizer
from moue.training.probe import best_regression, cross_entropy, fit_regression
from moue.training.run_folder import RunFolder
from moue.training.targets import refuse_unfit_data
from moue.training.train import train

OWN = {0: "grumpy face", 3: "smile", 6: "no_smile"}


@pytest.fixture(scope="module")
def drawn():
    faces = synthesize(20, seed=1)
    return faces.take(np.isin(faces.labels, list(OWN)))


@pytest.fixture(scope="module")
def shipped():
    return load_exported(locate("small"))


@pytest.fixture(scope="module")
def folder(drawn, tmp_path_factory):
    """Images in folders: smile, no_smile, grumpy face."""
    mine = tmp_path_factory.mktemp("own") / "mine"
    for number, (image, label) in enumerate(zip(drawn.images, drawn.labels, strict=True)):
        (mine / OWN[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(mine / OWN[label] / f"{number}.png")
    return mine


def test_the_trunk_read_back_from_a_shipped_file_gives_the_same_features(shipped, drawn, tmp_path):
    graph = onnx.load(str(locate("small")))
    features = next(node for node in graph.graph.node if node.op_type == "ReduceMean").output[0]
    graph.graph.output.append(onnx.ValueInfoProto(name=features))
    onnx.save(graph, str(tmp_path / "open.onnx"))
    session = onnxruntime.InferenceSession(str(tmp_path / "open.onnx"))
    images = drawn.images[:16].astype(np.float32)
    expected, emotion = session.run([features, "emotion"], {"images": images})
    rebuilt = keras.Model(shipped.inputs[0], shipped.get_layer("emotion").input).predict(images, verbose=0)
    assert expected.std() > 0.05
    np.testing.assert_allclose(rebuilt, expected, atol=1e-5)
    np.testing.assert_allclose(shipped.predict(images, verbose=0)["emotion"], emotion, atol=1e-5)


def test_further_training_does_not_change_batch_norm(shipped, drawn):
    keep_statistics(shipped)
    images = drawn.images[:16].astype(np.float32)
    plain, trained = (np.asarray(shipped(images, training=how)["emotion"]) for how in (False, True))
    norms = [layer for layer in shipped.layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert all(np.allclose(layer.get_weights()[2], 0) for layer in norms)
    # What is left is the dropout before the head.
    assert np.abs(plain - trained).mean() < 0.1


def test_files_that_cannot_be_read_back_are_refused(tmp_path, monkeypatch):
    for suffix in (".onnx", ".json"):
        source = locate("small").with_suffix(suffix)
        (tmp_path / f"it{suffix}").write_bytes(source.read_bytes())
    monkeypatch.setattr(from_onnx, "MAX_DIFFERENCE", 0.0)
    with pytest.raises(MoueError, match=r"differs from it by(?s:.*)Give the run folder"):
        load_exported(tmp_path / "it.onnx")
    graph = onnx.load(str(tmp_path / "it.onnx"))
    kernel = next(one for one in graph.graph.initializer if len(one.dims) == 4 and one.dims[1] > 1)
    kernel.CopyFrom(onnx.numpy_helper.from_array(np.zeros((2, 2, 3, 3), np.float16), kernel.name))
    onnx.save(graph, str(tmp_path / "it.onnx"))
    with pytest.raises(MoueError, match="cannot be made into a Keras model again: it has no convolution of"):
        load_exported(tmp_path / "it.onnx")


def test_the_regression_finds_the_minimum():
    rng = np.random.default_rng(0)
    features = rng.normal(2, 3, (80, 5))
    targets = np.eye(3)[(features[:, 0] > 2).astype(int) + (features[:, 1] > 4)]
    kernel, bias = fit_regression(features, targets, 0.1)
    scale = np.sqrt(features.var(axis=0).mean())

    def loss(kernel, bias):
        return cross_entropy(features @ kernel + bias, targets) + 0.05 * (scale**2) * (kernel**2).sum()

    least = loss(kernel, bias)
    for _ in range(20):
        step = rng.normal(0, 0.02, kernel.shape)
        assert loss(kernel + step, bias) > least
    shuffled = (features, targets[rng.permutation(80)])
    weak, strong = (np.abs(best_regression(shuffled, (features, targets), (ridge,))[0]).max() for ridge in (1.0, 0.01))
    assert weak < strong
    chosen = best_regression((features, targets), (features, targets))
    assert cross_entropy(features @ chosen[0] + chosen[1], targets) < 0.4


def test_averaged_weights_look_back_over_a_tenth_of_the_steps_at_first():
    """The averaged weights, step by step."""
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.layers[0].kernel.assign([[0.0]])
    optimizer = make_optimizer(TrainConfig(optimizer="sgd", learning_rate=1.0, momentum=0.0, ema=0.9), 1)
    optimizer.build(model.trainable_variables)
    expected, weight = 0.0, 0.0
    for step in range(200):
        optimizer.apply([np.array([[-1.0]], np.float32)], model.trainable_variables)
        weight += 1
        momentum = min(0.9, step / (step + 10))
        expected = momentum * expected + (1 - momentum) * weight
        found = float(np.asarray(optimizer._model_variables_moving_average[0])[0, 0])
        assert found == pytest.approx(expected, rel=1e-4)
    assert found == pytest.approx(200 - 9, abs=0.1)  # the lag of a momentum of 0.9


def test_the_amount_of_data_decides_the_settings():
    few, some, many = (fit_to_amount(number) for number in (12, 1000, 28709))
    assert few["epochs"] > some["epochs"] >= many["epochs"]
    assert few["batch_size"] < some["batch_size"] < many["batch_size"]
    assert few["ema"] < some["ema"] < many["ema"]
    data = make_dataset(30)
    config = finetune_config("small", data, epochs=3)
    assert (config.recipe, config.model, config.finetune, config.epochs) == ("finetune", "small", True, 3)
    assert finetune_config("small", data, "seed_cnn").model == "small"
    assert finetune_config("small", data, epochs=1).warmup_epochs == 0


def test_an_own_class_needs_at_least_five_faces():
    data = dataclasses.replace(make_dataset(30), class_names=tuple("abcdefg"))
    with pytest.raises(MoueError, match=r"has 4 of 'c'(?s:.*)at least 5 faces of each class(?s:.*)leave the class out"):
        refuse_unfit_data(data, TrainConfig())
    one = dataclasses.replace(data, labels=np.zeros(30, np.uint8))
    with pytest.raises(MoueError, match="all training faces of random are 'a'"):
        refuse_unfit_data(one, TrainConfig())


@pytest.mark.slow
def test_from_a_folder_to_predictions(folder, moue, tmp_path):
    """Train, evaluate, report, predict, export and train again, on classes that FER2013 does not have."""
    run = tmp_path / "run"
    code, _, err = moue("train", folder, "--from", "small", "--out", run, "--epochs", 2)
    assert code == 0, err
    assert "classes that are not FER2013's: grumpy face, no_smile, smile" in err
    model = Classifier.load(run)
    assert model.class_names == ("grumpy face", "no_smile", "smile")
    assert model.spec.provenance.endswith("from the weights of the shipped network small")
    start = Classifier.load("small").spec
    assert model.spec.data["started_from"] == start.data
    assert model.spec.license["data"] == f"those of {folder}; of small: {start.license['data']}"
    assert model.spec.license["weights"] == f"unstated; of small: {start.license['weights']}"
    assert moue("publish", run, tmp_path / "hub")[0] == 0
    assert f"of small: {start.license['data']}" in (tmp_path / "hub" / "README.md").read_text()
    code, printed, _ = moue("evaluate", run, folder)
    assert code == 0
    assert "no_smile" in printed
    assert read_json(run / "evaluation" / "test" / "evaluation.json")["official"]["accuracy"] > 0.5
    assert moue("report", run)[0] == 0
    assert "grumpy face" in (run / "report.html").read_text()
    image = next((folder / "smile").iterdir())
    code, printed, _ = moue(
        "predict", image, "--model", run, "--output", tmp_path / "t.csv", "--annotate", tmp_path / "d"
    )
    assert code == 0
    assert "prob_no_smile" in (tmp_path / "t.csv").read_text()
    assert moue("export", run, folder)[0] == 0
    again = RunFolder(tmp_path / "again")
    assert moue("train", folder, "--from", run, "--out", again.path, "--epochs", 1)[0] == 0
    assert read_json(again.environment)["initial_weights"]["heads_left_random"] == []
    # The origin of the weights is recorded over any number of trainings.
    assert read_json(again.model_json)["data"]["started_from"]["started_from"] == start.data


def test_a_fine_tuning_needs_initial_weights(tmp_path):
    with pytest.raises(MoueError, match=r"without initial weights(?s:.*)Add --from small"):
        train(TrainConfig.from_recipe("finetune"), make_dataset(30), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_wrong_initial_weights_are_refused_before_the_data_is_read(moue, tmp_path):
    code, _, err = moue("train", tmp_path / "no data", "--from", "smal", "--out", tmp_path / "run")
    assert code == 1
    assert "no model to start from at smal" in err
    assert "a shipped model (base, small, small_robust)" in err
    code, _, err = moue("train", tmp_path, "--from", "small", "--set", "initial_weights=x", "--out", tmp_path / "run")
    assert code == 2
