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
LENGTH = "Inference-Header-Content-Length"


def infer_request(batch, **changes):
    tensor = {"name": "images", "datatype": "FP32", "shape": list(batch.shape), "data": batch.ravel().tolist()}
    return {"inputs": [{**tensor, **changes}]}


@pytest.fixture(scope="module")
def batch(crops):
    return prepare(crops[0])


def test_the_outputs_are_those_of_the_classifier(client, crops, batch):
    model = moue.Classifier.load()
    content = client.post(URL, json={**infer_request(batch), "id": "7"}).json()
    assert (content["model_name"], content["model_version"], content["id"]) == ("small", "1", "7")
    outputs = {output["name"]: np.reshape(output["data"], output["shape"]) for output in content["outputs"]}
    np.testing.assert_allclose(outputs["expression"], model.predict_proba(crops[0]), atol=1e-6)
    np.testing.assert_allclose(outputs["not_face"][:, 0], model.predict_faces(crops[0]).not_face, atol=1e-6)
    raw = model.predict_proba(crops[0], head="perceived", calibrated=False)
    np.testing.assert_allclose(outputs["perceived"], raw, atol=1e-6)
    assert (
        client.post(URL, content=json.dumps(infer_request(batch))).status_code == 200
    )  # Triton's client sends no content type
    request = {**infer_request(batch, data=batch.tolist()), "outputs": [{"name": "expression"}]}
    (only,) = client.post(URL, json=request).json()["outputs"]
    assert only["shape"] == [4, 7]
    np.testing.assert_allclose(only["data"], outputs["expression"].ravel(), atol=1e-6)


def test_metadata_and_health(client):
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


def test_the_triton_configuration_in_the_docs_fits_the_model(client):
    page = Path(__file__).parents[2] / "docs" / "server.md"
    written = re.findall(r'name: "(\w+)", data_type: TYPE_(\w+), dims: \[([\d, ]+)\]', page.read_text("utf-8"))
    about = client.get("/v2/models/small").json()
    tensors = {tensor["name"]: tensor for tensor in (*about["inputs"], *about["outputs"])}
    assert [name for name, _, _ in written] == ["images", "expression", "not_face"]
    for name, kind, dims in written:
        assert tensors[name]["datatype"] == kind
        assert tensors[name]["shape"] == [-1, *map(int, dims.split(","))]


def test_invalid_requests_are_refused(client, batch):
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
        refused(client.post(URL, json=infer_request(batch, **changes)), 400, words)
    headers = {"Content-Type": "application/json"}
    text = '{"inputs": [{"name": "images", "datatype": "FP32", "shape": [1, 48, 48, 1], "data": [%s]}]}'
    refused(client.post(URL, content=text % ", ".join(["NaN"] * 2304), headers=headers), 400, "0-255")
    refused(client.post(URL, content="[" * 100_000, headers=headers), 400)
    refused(client.post(URL, json={**infer_request(batch), "outputs": [{"name": "mood"}]}), 400, "mood", "expression")
    refused(client.post(URL, content=b"", headers={"Content-Type": "application/octet-stream"}), 400)
    refused(client.post(URL, content=b"", headers={"Content-Type": "text/plain"}), 415, "application/json")
    many = {"shape": [257, 48, 48, 1], "data": [0]}
    refused(client.post(URL, json=infer_request(batch, **many)), 413, "256 at most")
    refused(client.post("/v2/models/large/infer", json=infer_request(batch)), 404)


def binary(batch, *, size=None, **members):
    """Return a request in the extension's format: JSON, then the tensor's bytes, little-endian and row-major."""
    parameters = {"binary_data_size": batch.size * 4 if size is None else size}
    tensor = {"name": "images", "datatype": "FP32", "shape": list(batch.shape), "parameters": parameters}
    head = json.dumps({"inputs": [tensor], **members}).encode()
    headers = {"Content-Type": "application/octet-stream", LENGTH: str(len(head))}
    return {"content": head + batch.astype("<f4").tobytes(), "headers": headers}


def read_binary(response):
    """Return the outputs of a response by name, and the JSON; bytes follow it in the order of the outputs."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/octet-stream"
    length = int(response.headers[LENGTH])
    head, payload = json.loads(response.content[:length]), response.content[length:]
    outputs = {}
    for output in head["outputs"]:
        size = output.get("parameters", {}).get("binary_data_size")
        assert (size is None) == ("data" in output)
        values = output["data"] if size is None else np.frombuffer(payload[:size], "<f4")
        outputs[output["name"]] = np.reshape(values, output["shape"])
        payload = payload[size or 0 :]
    assert payload == b""
    return outputs, head


def test_tensors_can_be_bytes_after_the_json(client, batch):
    assert "binary_tensor_data" in client.get("/v2").json()["extensions"]
    plain = client.post(URL, json=infer_request(batch)).json()
    expected = {output["name"]: np.reshape(output["data"], output["shape"]) for output in plain["outputs"]}
    # Triton's client by default: bytes in the request and in the response.
    outputs, head = read_binary(client.post(URL, **binary(batch, id="7", parameters={"binary_data_output": True})))
    assert (head["model_name"], head["model_version"], head["id"]) == ("small", "1", "7")
    assert list(outputs) == list(expected)
    for name, values in outputs.items():
        assert values.dtype == np.dtype("<f4")
        np.testing.assert_allclose(values, expected[name], atol=1e-6)
    # Bytes in the request, JSON in the response, if the request does not mention the outputs.
    response = client.post(URL, **binary(batch))
    assert response.headers["content-type"] == "application/json"
    assert LENGTH not in response.headers
    assert response.json()["outputs"][0]["data"] == pytest.approx(plain["outputs"][0]["data"], abs=1e-6)


@pytest.mark.parametrize(("default", "binary_names"), [(True, ["expression"]), (False, ["not_face"])])
def test_an_output_overrides_the_default_of_the_request(client, batch, default, binary_names):
    requested = [{"name": "not_face", "parameters": {"binary_data": not default}}, {"name": "expression"}]
    request = {**infer_request(batch), "outputs": requested, "parameters": {"binary_data_output": default}}
    outputs, head = read_binary(client.post(URL, json=request))
    assert list(outputs) == ["not_face", "expression"]
    assert [output["name"] for output in head["outputs"] if "parameters" in output] == binary_names
    np.testing.assert_allclose(outputs["expression"].sum(axis=1), 1, atol=1e-5)


def test_invalid_binary_requests_are_refused(client, batch):
    valid = binary(batch)
    for length, words in (
        ("9999999", "for a body of"),
        ("-1", "for a body of"),
        ("x", "for a body of"),
        ("9" * 5000, "for a body of"),
        ("9", "not JSON"),
        ("0", "not JSON"),
    ):
        refused(client.post(URL, **{**valid, "headers": {**valid["headers"], LENGTH: length}}), 400, words)
    refused(client.post(URL, **{**valid, "content": valid["content"][:-4]}), 400, "36,864 bytes", "36,860")
    refused(client.post(URL, **{**valid, "content": valid["content"] + b"1234"}), 400, "36,868")
    refused(client.post(URL, **binary(batch, size=4)), 400, "binary_data_size is 4")
    refused(client.post(URL, **binary(batch, size=-4)), 400, "binary_data_size", "0 or more")
    refused(client.post(URL, **binary(np.full_like(batch, np.nan))), 400, "0-255")
    refused(client.post(URL, **binary(batch + 256)), 400, "0-255")
    without = {key: value for key, value in valid["headers"].items() if key != LENGTH}
    refused(client.post(URL, content=valid["content"], headers=without), 400, "not JSON")
    twice = infer_request(batch, parameters={"binary_data_size": batch.size * 4})
    refused(client.post(URL, json=twice), 400, "the tensor twice")
    refused(client.post(URL, json=infer_request(batch, data=None)), 400, "no tensor", LENGTH)
    head = json.dumps(infer_request(batch)).encode()
    unnamed = {"content": head + b"1234", "headers": {LENGTH: str(len(head))}}
    refused(client.post(URL, **unnamed), 400, "bytes of no tensor")
