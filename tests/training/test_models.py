"""Every registered network: registering a model tests it."""

from __future__ import annotations

import numpy as np
import pytest

from helpers.data import NARROW
from moue.errors import MoueError, SettingError

pytest.importorskip("tensorflow", reason="training needs the extra 'train'")

from moue.training.backend import keras
from moue.training.export_onnx import export_onnx
from moue.training.models import build_model, list_models, register
from moue.training.models.figures import load_figures, measure

MODELS = sorted(list_models())
FIGURES = load_figures()


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).integers(0, 256, (64, 48, 48, 1), np.uint8)


@pytest.mark.parametrize("name", MODELS)
def test_takes_pixels_and_gives_probabilities_for_any_batch(name, pixels):
    model = build_model(name, num_classes=5)
    for count in (1, 7):
        probabilities = np.asarray(model(pixels[:count].astype(np.float32), training=False))
        assert probabilities.shape == (count, 5)
        np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_exports_with_equal_results(name, pixels, tmp_path):
    result = export_onnx(build_model(name, options=NARROW.get(name)), tmp_path / "model.onnx", pixels)
    assert result.max_difference <= 1e-5
    assert len(result.sha256) == 64


@pytest.mark.parametrize("name", MODELS)
def test_costs_what_its_data_sheet_says(name):
    assert measure(name) == FIGURES[name], "run: python scripts/model_figures.py"
    parameters, multiply_adds = FIGURES[name].parameters, FIGURES[name].multiply_adds
    sheet = " ".join(list_models()[name].build.__doc__.split())
    assert f"{parameters:,} parameters" in sheet
    assert f"{multiply_adds / 1e6:,.{0 if multiply_adds > 1e8 else 1}f} million multiply-adds at 48x48x1" in sheet


@pytest.mark.parametrize("name", MODELS)
def test_probabilities_come_from_a_layer_named_emotion_in_float32(name):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = build_model(name)
    finally:
        keras.config.set_dtype_policy("float32")
    assert (model.layers[-1].name, model.outputs[0].dtype) == ("emotion", "float32")


def test_seed_cnn_has_the_starting_points_layers_in_their_order():
    model = build_model("seed_cnn")
    assert [type(layer).__name__ for layer in model.layers] == [
        "Rescaling", "Conv2D", "BatchNormalization", "MaxPooling2D", "Dropout", "Conv2D", "BatchNormalization",
        "MaxPooling2D", "Dropout", "Flatten", "Dense", "Dropout", "Dense",
    ]  # fmt: skip
    convolutions = [layer for layer in model.layers if type(layer).__name__ == "Conv2D"]
    assert [(layer.filters, layer.kernel_size) for layer in convolutions] == [(32, (3, 3)), (64, (5, 5))]
    assert [layer.rate for layer in model.layers if type(layer).__name__ == "Dropout"] == [0.25, 0.25, 0.5]


def test_a_name_is_registered_once():
    with pytest.raises(MoueError, match="registered twice"):
        register("seed_cnn", paper="", summary="")(lambda **_: None)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(MoueError, match=r"unknown model 'vgg99'(?s:.*)seed_cnn"):
        build_model("vgg99")


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("seed_cnn", (4, 4, 1), {}, "cannot be built"),
        ("seed_cnn", (48, 48, 1), {"conv_dropout": 2}, "cannot be built"),
        ("seed_cnn", (48, 48, 1), {"wings": 2}, r"model_options\.wings(?s:.*)one of conv_dropout, dense_dropout"),
        ("efficientnet", (48, 48, 1), {"stages": 7}, "stages is 7, expected 1 to 6"),
    ],
)
def test_models_that_cannot_be_built_are_refused(name, shape, options, message):
    with pytest.raises(SettingError, match=message):
        build_model(name, input_shape=shape, options=options)


def test_fewer_stages_are_the_first_ones():
    whole, part = (build_model("efficientnet", options={"enlarge": 1, "stages": stages}) for stages in (6, 4))
    kept = [layer.name for layer in part.layers if layer.name.startswith("block")]
    assert kept == [layer.name for layer in whole.layers if layer.name.startswith("block")][: len(kept)]
    assert kept[-1].startswith("block4")
    assert part.get_layer("emotion").input.shape[-1] == 96  # Tan & Le 2021, table 4: the channels of stage 4


def test_16_bit_weights_halve_the_file_and_give_nearly_equal_results(pixels, tmp_path):
    model = build_model("seed_cnn")
    full = export_onnx(model, tmp_path / "full.onnx", pixels)
    half = export_onnx(model, tmp_path / "half.onnx", pixels, half=True)
    assert half.path.stat().st_size < 0.51 * full.path.stat().st_size
    assert full.max_difference < half.max_difference < 0.01


def test_the_export_refuses_too_few_images(pixels, tmp_path):
    with pytest.raises(MoueError, match="10 images to compare with"):
        export_onnx(build_model("seed_cnn"), tmp_path / "model.onnx", pixels[:10])
    assert not list(tmp_path.iterdir())


def test_a_network_is_one_file(tmp_path, monkeypatch):
    """A new network needs one new file and a recipe; nothing else knows its name."""
    from moue.training import models
    from moue.training.models import registry

    (tmp_path / "one_layer.py").write_text(
        "from moue.training.backend import keras\n"
        "from moue.training.models.registry import register\n"
        "@register('one_layer', paper='none', summary='one layer')\n"
        "def build(num_classes, input_shape, scale=1 / 255):\n"
        "    layers = keras.layers\n"
        "    pixels = keras.Input(input_shape)\n"
        "    features = layers.Flatten()(layers.Rescaling(scale)(pixels))\n"
        "    return keras.Model(pixels, layers.Dense(num_classes, 'softmax', name='emotion')(features))\n"
    )
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    try:
        assert build_model("one_layer").output_shape == (None, 7)
        assert list_models()["one_layer"].summary == "one layer"
    finally:
        registry._ENTRIES.pop("one_layer", None)
