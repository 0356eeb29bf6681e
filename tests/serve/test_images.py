"""`/v1/analyze` and `/v1/classify`: the same results over HTTP as from the library."""

import asyncio
import base64
import io

import numpy as np
import pytest
from PIL import Image

import moue
from helpers.serving import files, refused
from moue.serve.engine import Choices
from moue.serve.schemas import Analysis, Classification
from moue.serve.uploads import Upload


def without_times(result):
    return {name: value for name, value in result.items() if name not in ("timings", "file")}


def test_analyze_returns_the_same_as_the_library(client, photo):
    expected = moue.analyze(photo).to_dict()
    response = client.post("/v1/analyze", files=files(photo))
    content = response.json()
    assert response.status_code == 200
    assert Analysis.model_validate(content).version == 1
    assert without_times(content["results"][0]) == without_times(expected)
    assert content["results"][0]["file"] == "0.png"
    encoded = base64.b64encode(photo).decode()
    for text in (encoded, f"data:image/jpeg;base64,{encoded}"):
        same = client.post("/v1/analyze", json={"images": [text]}).json()["results"]
        assert [without_times(one) for one in same] == [without_times(expected)]


def test_analyze_takes_the_librarys_options(client, photo):
    box = (183.0, 120.0, 170.0, 212.0)
    expected = moue.analyze(photo, boxes=[box], views=1, unsure_below=1).to_dict()
    (result,) = client.post(
        "/v1/analyze?boxes=183,120,170,212&views=1&unsure_below=1&model=small", files=files(photo)
    ).json()["results"]
    assert without_times(result) == without_times(expected)
    assert result["detector"] == "given"
    assert result["faces"][0]["unsure"]
    (whole,) = client.post("/v1/analyze?detector=none", files=files(photo)).json()["results"]
    assert without_times(whole) == without_times(moue.analyze(photo, detector="none").to_dict())


def test_every_image_has_a_result_in_order(client, photo):
    response = client.post("/v1/analyze", files=files(b"", photo, b"no image"))
    assert [one["status"] for one in response.json()["results"]] == ["empty", "ok", "unreadable"]


def test_annotate_returns_the_annotated_image(client, photo):
    drawn = moue.analyze(photo).plot()
    response = client.post("/v1/analyze?annotate=1", files=files(photo), headers={"Accept": "image/png"})
    assert response.headers["content-type"] == "image/png"
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(response.content))), np.asarray(drawn))
    response = client.post("/v1/analyze?annotate=1", files=files(photo))
    assert Image.open(io.BytesIO(response.content)).format == "JPEG"
    refused(client.post("/v1/analyze?annotate=1", files=files(photo, photo)), 422, "one image")
    refused(client.post("/v1/analyze?annotate=1", files=files(b"no image")), 422, "unreadable")


def test_results_hold_no_pixels(client, photo):
    engine, choices = client.app.state.engine, Choices("", "", 1, 0.5)
    (result,) = asyncio.run(engine.analyze([Upload("a.jpg", photo)], choices))
    assert (result.file, result.pixels, len(result.faces)) == ("a.jpg", None, 1)


def test_classify_returns_the_same_as_the_classifier(client, crops):
    pixels, contents = crops
    expected = moue.Classifier.load().predict_faces(pixels)
    content = client.post("/v1/classify", files=files(*contents, b"?")).json()
    assert Classification.model_validate(content).model == "small"
    assert content["results"][4]["status"] == "unreadable"
    assert content["results"][4]["emotion"] is None
    for number, result in enumerate(content["results"][:4]):
        assert list(result["probabilities"]) == content["class_names"]
        assert list(result["probabilities"].values()) == pytest.approx(expected.expression[number], abs=1e-6)
        assert result["not_face"] == pytest.approx(expected.not_face[number], abs=1e-6)
        assert result["emotion"] == content["class_names"][expected.expression[number].argmax()]


def test_requests_choose_between_models_by_name(serve, run_folder, crops):
    client = serve(models=(run_folder, "small"))
    own, shipped = client.get("/v1/models").json()["models"]
    assert (own["name"], shipped["name"]) == (run_folder.name, "small")
    for name, model in ((own["name"], run_folder), ("small", "small")):
        expected = moue.Classifier.load(model).predict_proba(crops[0][0])[0]
        content = client.post(f"/v1/classify?model={name}", files=files(crops[1][0])).json()
        assert list(content["results"][0]["probabilities"].values()) == pytest.approx(expected, abs=1e-6)
    refused(client.post("/v1/classify?model=large", files=files(crops[1][0])), 422, "large", "small")
    with pytest.raises(moue.MoueError, match="two models are called"):
        serve(models=("small", "small"))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("views=4", "views"),
        ("unsure_below=2", "unsure_below"),
        ("view=1", "view"),
        ("boxes=1,2,3", "four numbers"),
        ("boxes=1,2,nan,4", "four numbers"),
        ("boxes=900,900,9,9", "900"),
        ("detector=nose", "own"),
        ("model=large", "small"),
    ],
)
def test_wrong_options_are_refused(client, photo, query, words):
    refused(client.post(f"/v1/analyze?{query}", files=files(photo)), 422, words)


@pytest.mark.parametrize(
    ("query", "came", "expected"),
    [
        ("views=9", "views is '9'", "3 or less"),
        ("views=0", "views is '0'", "1 or more"),
        ("unsure_below=1.5", "unsure_below is '1.5'", "1 or less"),
        ("annotate=maybe", "annotate is 'maybe'", "a valid boolean"),
        ("boxes=1,2", "boxes[0] is '1,2'", "four numbers x,y,width,height in pixels, the last two above 0"),
        ("view=1", "view is not a known name", "only known names"),
        ("annotate=x&views=7", "views is '7'; annotate is 'x'", "views: 3 or less; annotate: a valid boolean"),
        (f"views={'x' * 200}", f"views is '{'x' * 79}", "a valid integer"),
    ],
)
def test_an_error_in_an_option_has_its_value_and_its_limit(client, photo, query, came, expected):
    problem = refused(client.post(f"/v1/analyze?{query}", files=files(photo)), 422)
    assert (problem.came, problem.expected) == (came, expected)
    assert problem.fix == "/openapi.json describes the whole request."


def test_errors_do_not_repeat_the_content_of_a_body(client):
    problem = refused(client.post("/v1/analyze", json={"images": [{"secret": 1}], "key": "secret"}), 422)
    assert problem.came == "images[0] is wrong; key is not a known name"
    problem = refused(client.post("/v1/analyze", json={"images": []}), 422)
    assert (problem.came, problem.expected) == ("images is wrong", "at least 1 item")


def test_wrong_bodies_are_refused(client, photo):
    post = client.post
    refused(post("/v1/analyze", content=b"x", headers={"Content-Type": "text/plain"}), 415, "text/plain", "multipart")
    refused(post("/v1/analyze"), 415, "no type")
    refused(post("/v1/analyze", data={"views": "1"}, files=files(photo)), 422, "views", "?views=1")
    refused(
        post("/v1/analyze", content=b"", headers={"Content-Type": "multipart/form-data; boundary=b"}), 422, "no file"
    )
    refused(post("/v1/analyze", json={"images": []}), 422, "images")
    refused(post("/v1/analyze", json={"pictures": ["aa"]}), 422, "images")
    refused(post("/v1/analyze", json={"images": ["https://example.org/party.jpg"]}), 422, "URLs are not fetched")
    refused(post("/v1/analyze", content=b"{", headers={"Content-Type": "application/json"}), 400)
    multipart = {"Content-Type": "multipart/form-data; boundary=b"}
    refused(post("/v1/analyze", content=b"nothing", headers=multipart), 400, "multipart")
    refused(post("/v1/analyze", content=b"", headers={"Content-Type": "multipart/form-data"}), 400)
    coded = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    refused(post("/v1/analyze", content=b"{}", headers=coded), 415, "gzip")
    refused(client.get("/v1/analyze"), 405, "POST")
    refused(client.get("/v3"), 404, "openapi.json")
