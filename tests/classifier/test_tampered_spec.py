"""A ``model.json`` with any change is refused with a `MoueError`, or the model still outputs probabilities."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import onnx_model
from moue.classifier.classifier import Classifier
from moue.classifier.spec import ModelSpec
from moue.errors import MoueError

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), np.uint8)
MANY = settings(max_examples=300)

odd_numbers = st.sampled_from(
    [0, -0.0, 1e-320, -1e-320, 5e-324, 1e308, float("inf"), float("-inf"), float("nan"), 10**400, -(10**400), True]
)
odd_texts = st.sampled_from(
    ["", " ", "a\nb", "\u202e", "\ud800", "\x00", "emotion", "perceived", "x" * 10_000, "0" * 64]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | odd_numbers | odd_texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    shares = {"emotion": 0.5, "perceived": 0.5}
    return onnx_model.save_run(tmp_path_factory.mktemp("run"), expression={"shares": shares, "temperature": 0.6})


@pytest.fixture(scope="module")
def described(run):
    return json.loads((run / "model.json").read_text(encoding="utf-8"))


def places(content, path=()):
    """Yield the path to every value."""
    inner = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in inner:
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(content, path, value, *, delete):
    content = copy.deepcopy(content)
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    if delete:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    return content


def check(run, text):
    """Load a model with this description: it is refused with a message, or works."""
    (run / "model.json").write_bytes(text)
    try:
        model = Classifier.load(run, threads=1)
        outputs = [model.predict_proba(FACES), model.predict_proba(FACES, head=model.heads[-1])]
    except MoueError as error:
        assert len(str(error)) < 2000  # noqa: PT017 (an error is allowed, but not required)
        return
    for y_prob in outputs:
        assert np.isfinite(y_prob).all()
        np.testing.assert_allclose(y_prob.sum(axis=1), 1, atol=1e-3)
    assert repr(model)
    model.spec.save(run / "copy.json", overwrite=True)
    assert ModelSpec.load(run / "copy.json") == model.spec


@MANY
@given(data=st.data(), value=values, delete=st.booleans())
def test_any_value_may_be_changed_or_removed(run, described, data, value, delete):
    path = data.draw(st.sampled_from(list(places(described))))
    text = json.dumps(changed(described, path, value, delete=delete and not isinstance(path[-1], int)))
    check(run, text.encode())


@MANY
@given(content=values)
def test_any_json_may_be_in_the_file(run, content):
    check(run, json.dumps(content).encode())


@MANY
@given(place=st.floats(0, 1), byte=st.integers(0, 255), length=st.integers(0, 3))
def test_any_bytes_may_be_changed_or_cut_out(run, described, place, byte, length):
    text = bytearray(json.dumps(described).encode())
    start = int(place * (len(text) - 1))
    text[start : start + length] = bytes([byte]) * (length % 2 + 1)
    check(run, bytes(text))


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 100_000, b"\xff\xfe", b""])
def test_files_that_are_hard_to_parse_are_refused(run, text):
    (run / "model.json").write_bytes(text)
    with pytest.raises(MoueError):
        Classifier.load(run)
