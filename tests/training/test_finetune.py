"""Starting from the weights of an earlier training: what is copied, what stays random, what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from helpers.data import NARROW, make_dataset
from moue.data.synthetic.dataset import synthesize
from moue.errors import MoueError
from moue.files import read_json, sha256_of, write_json

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training import train as train_module
from moue.training.backend import keras
from moue.training.config import TrainConfig
from moue.training.finetune import find_weights, start_from, start_from_earlier
from moue.training.models import list_models
from moue.training.network import assemble
from moue.training.run_folder import RunFolder
from moue.training.train import train

TINY = {"widths": [8, 12], "depths": [1, 1]}
ONE_HEAD = TrainConfig(model="small", model_options=TINY, epochs=1, batch_size=24, learning_rate=1e-9)
TWO_HEADS = dataclasses.replace(ONE_HEAD, ferplus_weight=1.0)


@pytest.fixture(scope="module")
def faces():
    return make_dataset(60, seed=3)


@pytest.fixture(scope="module")
def earlier(faces, tmp_path_factory):
    config = dataclasses.replace(ONE_HEAD, learning_rate=0.01)
    run = train(config, faces, tmp_path_factory.mktemp("runs") / "one").run
    RunFolder(run).update_environment(command="moue train first")
    return run


def saved(config, folder):
    model = assemble(config, 7)
    model.save(folder / "earlier.keras")
    return model, folder / "earlier.keras"


def weights(model, name=None):
    return model.get_weights() if name is None else model.get_layer(name).get_weights()


def trainable(run):
    model = keras.saving.load_model(RunFolder(run).best, compile=False)
    return [variable.numpy() for variable in model.trainable_weights]


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", list_models())
def test_every_network_copies_all_weights_of_the_same_architecture(name, tmp_path):
    config = TrainConfig(model=name, model_options=TINY if name == "small" else NARROW.get(name, {}), ferplus_weight=1)
    before, path = saved(config, tmp_path)
    model = assemble(config, 7)
    assert start_from(model, path) == ()
    assert_equal(weights(model), weights(before))
    if name in {"small", "mini_xception"}:  # the head is a layer of its own, or a bare softmax behind one
        assert start_from(assemble(config, 3), path) == ("emotion",)


@pytest.mark.parametrize(("there", "here", "left"), [(TWO_HEADS, ONE_HEAD, ()), (ONE_HEAD, TWO_HEADS, ("perceived",))])
def test_an_additional_or_a_missing_head(there, here, left, tmp_path):
    before, path = saved(there, tmp_path)
    model = assemble(here, 7)
    own = {name: weights(model, name) for name in left}
    assert start_from(model, path) == left
    for name in left:
        assert_equal(weights(model, name), own[name])
    assert_equal(weights(model, "emotion"), weights(before, "emotion"))
    stem, other = (next(layer for layer in one.layers if layer.weights) for one in (model, before))
    assert_equal(stem.get_weights(), other.get_weights())


@pytest.mark.slow
def test_a_training_starts_from_the_best_weights_of_the_earlier_one(earlier, faces, tmp_path):
    config = dataclasses.replace(ONE_HEAD, initial_weights=str(earlier), seed=9)
    result = train(config, faces, tmp_path / "next")
    # Almost nothing is learnt at this learning rate, but BatchNorm's statistics change.
    for one, other in zip(trainable(earlier), trainable(result.run), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    recorded = read_json(RunFolder(result.run).environment)["initial_weights"]
    before = read_json(RunFolder(earlier).model_json)
    assert recorded == {
        "data": before["data"],
        "license": before["license"],
        "sha256": sha256_of(RunFolder(earlier).best),
        "command": "moue train first",
        "heads_left_random": [],
    }
    assert read_json(RunFolder(result.run).model_json)["provenance"].endswith(
        "from the weights of a run made by `moue train first`"
    )


@pytest.mark.slow
def test_an_interrupted_run_resumes_without_the_initial_weights_file(earlier, faces, tmp_path, monkeypatch):
    start = tmp_path / "start.keras"
    start.write_bytes(RunFolder(earlier).best.read_bytes())
    config = dataclasses.replace(ONE_HEAD, initial_weights=str(start), epochs=2, learning_rate=0.01)
    monkeypatch.setattr(train_module, "export_run", lambda *_: None)  # takes longer than the training
    whole = train(config, faces, tmp_path / "whole").run
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "write_history", cut_after_an_epoch)
        assert train(config, faces, tmp_path / "cut").interrupted
    start.unlink()
    assert train(config, faces, tmp_path / "cut", resume=True).history["epoch"] == [1, 2]
    assert_equal(trainable(tmp_path / "cut"), trainable(whole))


def cut_after_an_epoch(run, history, write=RunFolder.write_history):
    write(run, history)
    raise KeyboardInterrupt


def test_a_run_interrupted_in_its_first_epoch_needs_the_same_initial_weights(earlier, faces, tmp_path, monkeypatch):
    monkeypatch.setattr(train_module, "export_run", lambda *_: None)
    config = dataclasses.replace(ONE_HEAD, initial_weights=str(earlier))
    run = RunFolder(train(config, faces, tmp_path / "run").run)
    run.history.unlink()
    environment = read_json(run.environment)
    other = environment["initial_weights"] | {"sha256": 64 * "0"}
    write_json(run.environment, environment | {"initial_weights": other})
    with pytest.raises(MoueError, match=r"initial weights: checksum .*started with 000000(?s:.*)the same weights"):
        train(config, faces, run.path, resume=True)


def test_unusable_initial_weights_are_refused_and_leave_no_folder(earlier, faces, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04 no")
    _, other = saved(dataclasses.replace(ONE_HEAD, model_options={"widths": [8, 16], "depths": [1, 1]}), tmp_path)
    larger = tmp_path / "larger.keras"
    list_models()["small"].build(num_classes=7, input_shape=(64, 64, 1), **TINY).save(larger)
    table = {
        tmp_path / "empty": "no model to start from at .*empty(?s:.*)run folder(?s:.*)whole epoch",
        tmp_path / "nowhere": "no model to start from at .*nowhere",
        tmp_path / "no.onnx": "no.onnx does not exist(?s:.*)Check the name",
        larger: r"takes images of \(64, 64, 1\)(?s:.*)\(48, 48, 1\)(?s:.*)with that input",
        tmp_path / "broken.keras": "cannot read .*broken",
        other: r"another network(?s:.*)\(3, 3, 8, 16\)(?s:.*)in place of(?s:.*)same model and model_options",
    }
    for source, message in table.items():
        with pytest.raises(MoueError, match=message):
            train(dataclasses.replace(ONE_HEAD, initial_weights=str(source)), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert find_weights(earlier) == RunFolder(earlier).best


def test_a_shipped_model_predicts_the_same_at_the_start_of_a_training():
    """Its file has no BatchNorm statistics; without new ones, hardly a prediction in training mode would be right."""
    config = TrainConfig.from_recipe("small", **{"model_options.dropout": 0.0})
    model = assemble(config, 7)
    images = synthesize(per_class=20, seed=0).images
    start_from_earlier(model, "small", images)
    predictions = [np.asarray(model(images, training=mode)["emotion"]).argmax(axis=1) for mode in (False, True)]
    assert (predictions[0] == predictions[1]).mean() > 0.9
