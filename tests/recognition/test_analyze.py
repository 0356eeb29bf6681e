"""`moue.analyze` and `moue.analyze_many`: lists, colors, detectors, views."""

import io

import numpy as np
import pytest
from PIL import Image

import moue
from helpers import onnx_model


class Middle:
    """Finds one face in the middle of each image."""

    name = "middle"

    def detect(self, image):
        height, width = image.shape[:2]
        return [moue.Face(width / 4, height / 4, width / 2, height / 2)]


@pytest.fixture(scope="module")
def image():
    """Colored shapes, so that the order of the channels matters, uint8 (90, 120, 3)."""
    return np.random.default_rng(0).integers(0, 256, (3, 4, 3), dtype=np.uint8).repeat(30, 0).repeat(30, 1)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory):
    """Keyword arguments: a model that rejects no face, and a detector that finds one face."""
    return {"model": onnx_model.save_run(tmp_path_factory.mktemp("run")), "detector": Middle()}


def probabilities(result):
    return list(result.faces[0].probabilities.values())


def test_a_list_gives_a_list(image, tmp_path, arguments):
    Image.fromarray(image).save(tmp_path / "a.png")
    sources = [image, str(tmp_path / "a.png"), tmp_path / "a.png", (tmp_path / "a.png").read_bytes(), "gone.png", 3]
    results = moue.analyze(sources, **arguments)
    assert [str(result.status) for result in results] == ["ok"] * 4 + ["not_found", "unsupported"]
    for result in results[1:4]:
        assert probabilities(result) == probabilities(results[0])
    assert moue.analyze((), **arguments) == []
    with pytest.raises(moue.MoueError, match="one image"):
        moue.analyze([image], **arguments, boxes=[(0, 0, 9, 9)])


def test_bgr_is_the_order_of_opencv(image, arguments):
    right = moue.analyze(image, **arguments)
    assert probabilities(moue.analyze(image[..., ::-1], **arguments, color="bgr")) == probabilities(right)
    assert probabilities(moue.analyze(image[..., ::-1], **arguments)) != probabilities(right)
    (many,) = moue.analyze_many([image[..., ::-1]], **arguments, color="bgr")
    assert probabilities(many) == pytest.approx(probabilities(right), abs=1e-6)
    gray = image[..., 0]
    assert probabilities(moue.analyze(gray, **arguments, color="bgr")) == probabilities(moue.analyze(gray, **arguments))
    np.testing.assert_array_equal(moue.analyze(image[..., ::-1], **arguments, color="bgr").pixels, image)
    with pytest.raises(moue.MoueError, match="'rgb' or 'bgr'"):
        moue.analyze(image, color="BGR")


def test_one_view_equals_the_classifier(image, arguments):
    classifier = moue.Classifier.load(arguments["model"])
    one = moue.analyze(image, detector="none", views=1, model=classifier)
    np.testing.assert_allclose(probabilities(one), classifier.predict_proba([image])[0], atol=1e-6)
    assert one.detector == "none"
    assert moue.analyze(image, **arguments, views=1) != moue.analyze(image, **arguments, views=3)


def test_pixels_are_kept_only_if_they_cannot_be_read_again(image, tmp_path, arguments):
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    content = path.read_bytes()
    assert moue.analyze(path, **arguments).pixels is None
    for source in (image, content, io.BytesIO(content), Image.open(path)):
        np.testing.assert_array_equal(moue.analyze(source, **arguments).pixels, image)
    assert next(moue.analyze_many([image], **arguments)).pixels is None
    drawn = {moue.analyze(source, **arguments).plot().tobytes() for source in (path, image, content)}
    assert len(drawn) == 1


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"detector": None}, "the detector is None"),
        ({"detector": 3}, "an object with the method detect"),
        ({"model": None}, "the model is None"),
        ({"views": "x"}, "views is 'x'"),
        ({"views": 2.5}, "views is 2.5"),
        ({"unsure_below": None}, "unsure_below is None"),
        ({"unsure_below": "x"}, "unsure_below is 'x'"),
    ],
)
def test_wrong_choices_are_explained(image, choices, words):
    with pytest.raises(moue.MoueError, match=words):
        moue.analyze(image, **choices)
    with pytest.raises(moue.MoueError, match="a list or another iterable"):
        moue.analyze_many(None)
