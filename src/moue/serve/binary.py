"""Tensors as bytes after the JSON of a request or response: the binary tensor data extension of the protocol.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol/binary-tensor-data-extension
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from fastapi import Response
from pydantic import BaseModel, Field

from moue.serve.problems import HttpError
from moue.serve.uploads import JSON

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

EXTENSION: Final = "binary_tensor_data"
HEADER: Final = "Inference-Header-Content-Length"
MEDIA_TYPE: Final = "application/octet-stream"
DATATYPE: Final = "FP32"
_FORMAT: Final = np.dtype("<f4")


class InputParameters(BaseModel):
    """Parameters of an input tensor."""

    binary_data_size: Annotated[
        int | None, Field(ge=0, description="How many bytes of the tensor follow the JSON, instead of data.")
    ] = None


class OutputParameters(BaseModel):
    """Parameters of a requested output tensor."""

    binary_data: Annotated[bool | None, Field(description="Return bytes after the JSON.")] = None


class RequestParameters(BaseModel):
    """Parameters of a request."""

    binary_data_output: Annotated[bool, Field(description="The default of binary_data for all outputs.")] = False


def split(content: bytes, length: str | None) -> tuple[bytes, bytes]:
    """Return the JSON of a body and the bytes after it.

    Args:
        content: The body.
        length: The value of the header `HEADER`; None if it is missing.

    Raises:
        HttpError: the header is not a valid length within the body.
    """
    if length is None:
        return content, b""
    if not (length.isascii() and length.isdecimal() and len(length) < 20 and int(length) <= len(content)):
        came = f"{HEADER} is {length!r:.40} for a body of {len(content):,} bytes"
        raise HttpError(400, came, "how many bytes of the body are JSON", "The tensors follow the JSON.")
    return content[: int(length)], content[int(length) :]


def values_of(payload: bytes, size: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return the flat values of a tensor from the bytes after the JSON.

    Raises:
        HttpError: the number of bytes does not fit the tensor.
    """
    expected = int(np.prod(shape)) * _FORMAT.itemsize
    if size != expected or len(payload) != expected:
        came = f"binary_data_size is {size:,}, and {len(payload):,} bytes follow the JSON"
        raise HttpError(400, came, f"{expected:,} bytes: {DATATYPE} of the shape {list(shape)}")
    values: NDArray[np.float32] = np.frombuffer(payload, _FORMAT)
    return values


def respond(head: Mapping[str, str], outputs: Mapping[str, NDArray[np.float32]], binary: Sequence[str]) -> Response:
    """Return the response to a request.

    Args:
        head: The first members of the response.
        outputs: The tensors by name, in order.
        binary: Names of the tensors that follow the JSON as bytes.
    """
    tensors: list[dict[str, Any]] = []
    payloads: list[bytes] = []
    for name, values in outputs.items():
        tensor: dict[str, Any] = {"name": name, "datatype": DATATYPE, "shape": list(values.shape)}
        if name in binary:
            payloads.append(values.astype(_FORMAT).tobytes())
            tensor["parameters"] = {"binary_data_size": len(payloads[-1])}
        else:
            tensor["data"] = values.ravel().tolist()
        tensors.append(tensor)
    content = json.dumps({**head, "outputs": tensors}).encode()
    if not payloads:
        return Response(content, media_type=JSON)
    return Response(b"".join((content, *payloads)), media_type=MEDIA_TYPE, headers={HEADER: str(len(content))})
