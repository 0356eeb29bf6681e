"""`ModelSpec`: what ``model.json`` holds, and what is refused."""

import dataclasses
import json

import numpy as np
import pytest

from helpers import onnx_model
from moue.classifier.input_spec import InputSpec
from moue.classifier.output_spec import ExpressionSpec, HeadSpec
from moue.classifier.spec import ModelSpec
from moue.errors import MoueError
from moue.labels import CLASS_NAMES

SHA = "0" * 64


def spec_dict(**changes):
    head = HeadSpec("emotion", "probabilities")
    spec = ModelSpec(name="tiny", onnx_sha256=SHA, heads=(head,), expression=ExpressionSpec.of_head(head))
    return {**spec.to_dict(), **changes}


def with_input(**changes):
    return spec_dict(input={**InputSpec().to_dict(), **changes})


def with_head(**changes):
    return spec_dict(heads=[{**HeadSpec("emotion", "probabilities").to_dict(), **changes}])


def with_expression(**changes):
    return spec_dict(expression={**spec_dict()["expression"], **changes})


BAD_TEMPERATURES = (0, -1.0, float("nan"), float("inf"), "1", True, None, 1e-320, 10**400, 0.049, 20.1)


def test_spec_goes_to_json_and_back(tmp_path):
    spec = ModelSpec(
        name="seed_cnn",
        onnx_sha256="ab" * 32,
        heads=(HeadSpec("emotion", "out", temperature=1.5), HeadSpec("glasses", "g", ("no", "yes"))),
        expression=dataclasses.replace(
            onnx_model.make_expression({"emotion": 1.0}, temperature=1.2), not_face_above=0.5
        ),
        input=InputSpec(height=64, width=32, crop_margin=0.2),
        recipe={"epochs": 30},
        scores={"test": {"accuracy": 0.554}},
        license={"weights": "MIT"},
        provenance="trained on FER2013, été",
    )
    spec.save(tmp_path / "model.json")
    assert ModelSpec.load(tmp_path / "model.json") == spec
    assert spec.head("glasses").class_names == ("no", "yes")
    with pytest.raises(MoueError, match="already exists"):
        spec.save(tmp_path / "model.json")
    with pytest.raises(MoueError, match="one of emotion, glasses"):
        spec.head("age")


def test_json_has_the_published_keys():
    content = spec_dict()
    assert content["format"] == "moue-model"
    assert content["version"] == 3
    assert content["input"] == {
        "height": 48,
        "width": 48,
        "channels": 1,
        "layout": "NHWC",
        "color": "gray",
        "gray_rule": "rec601",
        "pixel_range": [0, 255],
        "dtype": "float32",
        "resize": "hamming",
        "crop_margin": InputSpec.crop_margin,
        "crop_shift": InputSpec.crop_shift,
    }
    head = {"name": "emotion", "output": "probabilities", "class_names": list(CLASS_NAMES), "temperature": 1.0}
    assert content["heads"] == [head]
    assert content["expression"] == {
        "class_names": list(CLASS_NAMES),
        "weights": {"emotion": np.eye(7).tolist()},
        "bias": [0.0] * 7,
        "not_face_above": 1.0,
    }


def test_unknown_keys_are_kept_or_ignored():
    content = with_input(future=1) | {"notes": {"a": 1}}
    spec = ModelSpec.from_dict(content)
    assert spec.extra == {"notes": {"a": 1}}
    assert spec.to_dict()["notes"] == {"a": 1}
    assert ModelSpec.from_dict(spec.to_dict()) == spec


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], ["is a list"]),
        ({}, ["format is None"]),
        (spec_dict(format="keras"), ["'keras'", "moue-model"]),
        (spec_dict(version=4), ["version is 4", "upgrade"]),
        (spec_dict(version=2), ["version is 2", "moue export"]),
        (spec_dict(version="1"), ["version is '1'"]),
        (spec_dict(version=True), ["version is True"]),
        ({k: v for k, v in spec_dict().items() if k != "input"}, ["no 'input'"]),
        ({k: v for k, v in spec_dict().items() if k != "onnx_sha256"}, ["no 'onnx_sha256'"]),
        (spec_dict(onnx_sha256="XYZ"), ["64 lower-case hexadecimal"]),
        (spec_dict(onnx_sha256=None), ["onnx_sha256 is None"]),
        (spec_dict(name=""), ["name is ''"]),
        (spec_dict(name=3), ["name is 3"]),
        (spec_dict(heads=[]), ["heads is empty"]),
        (spec_dict(heads={}), ["heads is {}"]),
        (spec_dict(heads=["emotion"]), ["a head is a str"]),
        (spec_dict(heads=spec_dict()["heads"] * 2), ["every name once"]),
        (spec_dict(recipe=[1]), ["recipe is [1]"]),
        (spec_dict(provenance=None), ["provenance is None"]),
        (spec_dict(input=5), ["input is a int"]),
        (with_input(height=0), ["input.height is 0"]),
        (with_input(width=48.0), ["input.width is 48.0"]),
        (with_input(height=True), ["input.height is True"]),
        (with_input(layout="NCHW"), ["'NCHW'", "'NHWC'", "newer"]),
        (with_input(color="rgb"), ["'rgb' with 1 channels", "rgb with 3"]),
        (with_input(channels=3), ["'gray' with 3 channels"]),
        (with_input(color=["gray"]), ["gray with 1"]),
        (with_input(pixel_range=[0, 1]), ["(0, 1)", "(0, 255)"]),
        (with_input(pixel_range=None), ["pixel_range is None"]),
        (with_input(crop_margin=-1.0), ["crop_margin is -1.0"]),
        (with_input(crop_shift=1.5), ["crop_shift is 1.5"]),
        (with_input(crop_margin="0"), ["crop_margin is '0'"]),
        *((with_head(temperature=value), ["temperature", "0.05 to 20"]) for value in BAD_TEMPERATURES),
        *((with_expression(not_face_above=value), ["not_face_above", "0 to 1"]) for value in (-0.1, 1.1, "1", True)),
        (with_expression(weights={}), ["weights is {}"]),
        (with_expression(weights=[1]), ["weights is (1,)"]),
        (with_expression(weights={"emotion": [[1.0] * 7] * 6}), ["one row for each class"]),
        (with_expression(weights={"emotion": [[1.0] * 6] * 7}), ["rows of [6]", "7, the classes of that head"]),
        (with_expression(weights={"emotion": [["1"] * 7] * 7}), ["a number in expression.weights", "-1000 to 1000"]),
        (with_expression(weights={"emotion": [3] * 7}), ["is 3", "a list of numbers"]),
        (with_expression(weights={"age": [[1.0] * 7] * 7}), ["no head 'age'"]),
        (with_expression(bias=[0.0] * 6), ["one number for each class"]),
        (with_expression(bias=[0.0] * 6 + [1e4]), ["bias", "-1000 to 1000"]),
        (with_expression(bias=3), ["bias is 3"]),
        (with_expression(class_names=["happy", "bored"]), ["one row for each class"]),
        (with_head(class_names=["a\nb", "c"]), ["two or more"]),
        (with_head(class_names=["\ud800", "c"]), ["two or more"]),
        (spec_dict(scores={"a": float("nan")}), ["scores"]),
        (spec_dict(notes={"\ud800": 1}), ["extra"]),
        (with_head(class_names=["sad", "happy", "sad"]), ["name sad twice"]),
        (with_head(class_names=["sad"]), ["two or more"]),
        (with_head(class_names="sad"), ["two or more"]),
        (with_head(class_names=["sad", 3]), ["two or more"]),
        (with_head(output=""), ["output is ''"]),
        (with_head(name="expression"), ["named expression or not_face"]),
        (with_head(output="not_face"), ["named expression or not_face"]),
    ],
)
def test_wrong_descriptions_are_refused(content, words, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(content))
    with pytest.raises(MoueError) as caught:
        ModelSpec.load(path)
    for word in [*words, str(path)]:
        assert word in str(caught.value)
