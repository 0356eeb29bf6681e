"""Starting from an earlier training's weights: what is copied, what is left, what is refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from conftest import make_dataset
from moue.errors import MoueError
from moue.files import read_json, sha256_of

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training.assemble import assemble
from moue.training.backend import import_keras
from moue.training.config import TrainConfig
from moue.training.initial import find_weights, start_from
from moue.training.run import RunFolder
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
    return train(config, faces, tmp_path_factory.mktemp("runs") / "one", command="moue train first").run


def saved(config, folder, classes=7):
    model = assemble(config, classes)
    model.save(folder / "earlier.keras")
    return model, folder / "earlier.keras"


def weights(model, name=None):
    return model.get_weights() if name is None else model.get_layer(name).get_weights()


def trainable(run):
    model = import_keras().saving.load_model(RunFolder(run).best, compile=False)
    return [variable.numpy() for variable in model.trainable_weights]


def assert_equal(first, second):
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("config", [ONE_HEAD, TWO_HEADS])
def test_the_same_network_takes_every_weight(config, tmp_path):
    before, path = saved(config, tmp_path)
    model = assemble(config, 7)
    assert start_from(model, path) == ()
    assert_equal(weights(model), weights(before))


@pytest.mark.parametrize(
    ("there", "here", "classes", "left"),
    [
        (TWO_HEADS, ONE_HEAD, 7, ()),
        (ONE_HEAD, TWO_HEADS, 7, ("perceived",)),
        (ONE_HEAD, ONE_HEAD, 3, ("emotion",)),
        (TWO_HEADS, TWO_HEADS, 3, ("emotion",)),
    ],
)
def test_heads_that_do_not_fit_keep_their_random_start(there, here, classes, left, tmp_path):
    before, path = saved(there, tmp_path)
    model = assemble(here, classes)
    own = {name: weights(model, name) for name in left}
    assert start_from(model, path) == left
    for name in left:
        assert_equal(weights(model, name), own[name])
    stem = next(layer for layer in model.layers if layer.weights)
    assert_equal(stem.get_weights(), next(layer for layer in before.layers if layer.weights).get_weights())
    if "emotion" not in left:
        assert_equal(weights(model, "emotion"), weights(before, "emotion"))


def test_a_training_starts_where_the_earlier_one_was_best(earlier, faces, tmp_path):
    config = dataclasses.replace(ONE_HEAD, initial_weights=str(earlier), seed=9)
    result = train(config, faces, tmp_path / "next")
    # Next to nothing is learnt at this step size, but BatchNorm's statistics move on.
    for one, other in zip(trainable(earlier), trainable(result.run), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)
    said = read_json(RunFolder(result.run).environment)["initial_weights"]
    assert said == {
        "sha256": sha256_of(RunFolder(earlier).best),
        "command": "moue train first",
        "heads_left_random": [],
    }
    assert read_json(RunFolder(result.run).card)["provenance"].endswith(
        "from the weights of a run made by `moue train first`"
    )


def test_a_resumed_run_does_not_need_the_earlier_one(earlier, faces, tmp_path):
    gone = tmp_path / "gone.keras"
    gone.write_bytes(RunFolder(earlier).best.read_bytes())
    config = dataclasses.replace(ONE_HEAD, initial_weights=str(gone))
    train(config, faces, tmp_path / "run")
    gone.unlink()
    assert len(train(config, faces, tmp_path / "run", resume=True).history) == 1


def test_what_cannot_be_started_from_is_said_and_leaves_no_folder(earlier, faces, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.keras").write_bytes(b"PK\x03\x04 no")
    _, other = saved(dataclasses.replace(ONE_HEAD, model_options={"widths": [8, 16], "depths": [1, 1]}), tmp_path)
    table = {
        tmp_path / "empty": "no Keras model at .*empty(?s:.*)run folder",
        tmp_path / "nowhere": "no Keras model at .*nowhere",
        RunFolder(earlier).onnx: "no Keras model at (?s:.*)cannot be trained further",
        tmp_path / "broken.keras": "cannot read .*broken",
        other: "of other layers(?s:.*)same model and model_options",
    }
    for source, message in table.items():
        with pytest.raises(MoueError, match=message):
            train(dataclasses.replace(ONE_HEAD, initial_weights=str(source)), faces, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    assert find_weights(earlier) == RunFolder(earlier).best
