"""`/v1/explain`: the same maps over HTTP as from the library."""

import io

import numpy as np
import pytest
from PIL import Image

import moue
from helpers.serving import files, png, refused
from moue.doctor.drawn import drawn_faces
from moue.serve.schemas import Explained


@pytest.fixture(scope="module")
def two() -> bytes:
    """An image with two faces."""
    canvas = np.full((240, 460, 3), 128, np.uint8)
    canvas[24:216, 24:216], canvas[24:216, 244:436] = drawn_faces().color[6], drawn_faces().color[10]
    return png(canvas)


def test_the_maps_are_those_of_the_library(client, two):
    content = client.post("/v1/explain?detector=own", files=files(two)).json()
    assert Explained.model_validate(content).model == "small"
    (result,) = content["results"]
    expected = moue.explain(two, detector="own").to_dict()["faces"]
    assert (result["file"], result["status"], len(result["faces"])) == ("0.png", "ok", 2)
    for found, wanted in zip(result["faces"], expected, strict=True):
        assert {"face": found["face"], **found["maps"][0]} == wanted


def test_each_requested_class_has_a_map(client, two):
    three = "emotion=sad&emotion=happy&emotion=sad"
    (result,) = client.post("/v1/explain?detector=own&" + three, files=files(two)).json()["results"]
    for face in result["faces"]:
        assert [one["emotion"] for one in face["maps"]] == ["sad", "happy"]
        for one in face["maps"]:
            assert np.sum(one["evidence"]) + one["constant"] == pytest.approx(one["log_odds"], abs=0.01)
    sad = moue.explain(two, detector="own", emotion="sad").to_dict()["faces"]
    assert [face["maps"][0]["evidence"] for face in result["faces"]] == [one["evidence"] for one in sad]


def test_the_drawing_is_that_of_the_library(client, two):
    response = client.post("/v1/explain?detector=own&format=png&emotion=angry", files=files(two))
    assert response.headers["content-type"] == "image/png"
    drawn = moue.explain(two, detector="own", emotion="angry").plot()
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(response.content))), np.asarray(drawn))


def test_every_image_has_a_result_in_order(client, two):
    empty, ok, none = client.post("/v1/explain", files=files(b"", two, png(np.full((200, 200), 90, np.uint8)))).json()[
        "results"
    ]
    assert [one["status"] for one in (empty, ok, none)] == ["empty", "ok", "no_face"]
    assert [len(one["faces"]) for one in (empty, ok, none)] == [0, 2, 0]


def test_a_model_without_features_is_explained_by_occlusion(serve, run_folder, crops):
    client = serve(models=(run_folder,))
    (result,) = client.post("/v1/explain?detector=none", files=files(crops[1][0])).json()["results"]
    (found,) = result["faces"][0]["maps"]
    assert (found["method"], np.shape(found["evidence"])) == ("occlusion", (8, 8))


def test_invalid_requests_are_refused(client, serve, two, photo):
    refused(client.post("/v1/explain?emotion=joy", files=files(two)), 422, "joy", "happy")
    refused(client.post("/v1/explain?format=gif", files=files(two)), 422, "format")
    refused(client.post("/v1/explain?annotate=1", files=files(two)), 422, "annotate")
    refused(client.post("/v1/explain?format=png", files=files(two, two)), 422, "one image")
    refused(client.post("/v1/explain?format=png&emotion=sad&emotion=happy", files=files(two)), 422, "one class")
    refused(client.post("/v1/explain?format=png", files=files(b"no image")), 422, "image")
    blank = png(np.full((200, 200), 90, np.uint8))
    refused(client.post("/v1/explain?format=png", files=files(blank)), 422, "no face")
    # Each map counts as a face.
    small = serve(max_faces=3)
    assert small.post("/v1/explain", files=files(two)).status_code == 200
    refused(small.post("/v1/explain?emotion=sad&emotion=happy", files=files(two)), 413, "faces")
    assert small.post("/v1/explain?emotion=sad&emotion=happy", files=files(photo)).status_code == 200
    closed = serve(api_key="correct-horse")
    refused(closed.post("/v1/explain", files=files(two)), 401, "there is no API key")


def test_the_document_names_the_classes(client):
    document = client.get("/openapi.json").json()
    parameters = {one["name"]: one["schema"] for one in document["paths"]["/v1/explain"]["post"]["parameters"]}
    assert parameters["emotion"]["items"]["enum"] == list(moue.Classifier.load().class_names)
    (example,) = document["components"]["schemas"]["ExplainedImage"]["examples"]
    assert example["faces"][0]["maps"][0]["method"] == "class map"
