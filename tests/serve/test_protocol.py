"""`/v2`: the Open Inference Protocol."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

import moue
from helpers.serving import refused
from moue.classifier.preprocess import prepare

URL = "/v2/models/small/infer"


def question(batch, **changes):
    tensor = {"name": "images", "datatype": "FP32", "shape": list(batch.shape), "data": batch.ravel().tolist()}
    return {"inputs": [{**tensor, **changes}]}


@pytest.fixture(scope="module")
def batch(crops):
    return prepare(crops[0])


def test_the_network_answers_as_the_classifier(client, crops, batch):
    model = moue.Classifier.load()
    content = client.post(URL, json={**question(batch), "id": "7"}).json()
    assert (content["model_name"], content["model_version"], content["id"]) == ("small", "1", "7")
    outputs = {output["name"]: np.reshape(output["data"], output["shape"]) for output in content["outputs"]}
    np.testing.assert_allclose(outputs["expression"], model.predict_proba(crops[0]), atol=1e-6)
    np.testing.assert_allclose(outputs["not_face"][:, 0], model.answer(crops[0]).not_face, atol=1e-6)
    raw = model.predict_proba(crops[0], head="perceived", calibrated=False)
    np.testing.assert_allclose(outputs["perceived"], raw, atol=1e-6)
    assert client.post(URL, content=json.dumps(question(batch))).status_code == 200  # Triton's client names no type
    asked = {**question(batch, data=batch.tolist()), "outputs": [{"name": "expression"}]}
    (only,) = client.post(URL, json=asked).json()["outputs"]
    assert only["shape"] == [4, 7]
    np.testing.assert_allclose(only["data"], outputs["expression"].ravel(), atol=1e-6)


def test_it_tells_about_itself(client):
    assert client.get("/v2").json()["name"] == "moue"
    about = client.get("/v2/models/small").json()
    assert about["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [-1, 48, 48, 1]}]
    assert {"name": "expression", "datatype": "FP32", "shape": [-1, 7]} in about["outputs"]
    assert client.get("/v2/models/small/ready").json() == {"name": "small", "ready": True}
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}
    for address in ("/v2/models/large", "/v2/models/large/ready"):
        problem = refused(client.get(address), 404, "large", "small")
        assert problem.error == problem.detail


def test_tritons_configuration_in_the_page_fits_the_network(client):
    page = Path(__file__).parents[2] / "docs" / "server.md"
    written = re.findall(r'name: "(\w+)", data_type: TYPE_(\w+), dims: \[([\d, ]+)\]', page.read_text("utf-8"))
    about = client.get("/v2/models/small").json()
    tensors = {tensor["name"]: tensor for tensor in (*about["inputs"], *about["outputs"])}
    assert [name for name, _, _ in written] == ["images", "expression", "not_face"]
    for name, kind, dims in written:
        assert tensors[name]["datatype"] == kind
        assert tensors[name]["shape"] == [-1, *map(int, dims.split(","))]


def test_wrong_questions_are_refused(client, batch):
    for changes, words in (
        ({"name": "image"}, "'images'"),
        ({"datatype": "UINT8"}, "FP32"),
        ({"shape": [4, 48, 48]}, "[N, 48, 48, 1]"),
        ({"shape": [0, 48, 48, 1], "data": []}, "N of 1"),
        ({"shape": [3, 48, 48, 1]}, "9,216"),
        ({"shape": [-4, 48, 48, 1]}, "N of 1"),
        ({"data": [[1, 2], [3]]}, "differ in length"),
        ({"data": ["1"] * batch.size}, "more than numbers"),
        ({"data": [10**30] * batch.size}, "more than numbers"),
        ({"data": [None] * batch.size}, "more than numbers"),
        ({"data": [-1.0] * batch.size}, "0-255"),
    ):
        refused(client.post(URL, json=question(batch, **changes)), 400, words)
    headers = {"Content-Type": "application/json"}
    text = '{"inputs": [{"name": "images", "datatype": "FP32", "shape": [1, 48, 48, 1], "data": [%s]}]}'
    refused(client.post(URL, content=text % ", ".join(["NaN"] * 2304), headers=headers), 400, "0-255")
    refused(client.post(URL, content="[" * 100_000, headers=headers), 400)
    refused(client.post(URL, json={**question(batch), "outputs": [{"name": "mood"}]}), 400, "mood", "expression")
    refused(client.post(URL, json=question(batch), headers={"Inference-Header-Content-Length": "9"}), 400, "binary")
    refused(client.post(URL, content=b"", headers={"Content-Type": "application/octet-stream"}), 400)
    refused(client.post(URL, content=b"", headers={"Content-Type": "text/plain"}), 415, "application/json")
    many = {"shape": [257, 48, 48, 1], "data": [0]}
    refused(client.post(URL, json=question(batch, **many)), 413, "256 at most")
    refused(client.post("/v2/models/large/infer", json=question(batch)), 404)
