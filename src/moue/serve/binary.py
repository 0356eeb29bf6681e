"""Tensors as bytes behind the JSON of a request or answer: the binary tensor data extension of the protocol.

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
    """Of a tensor that is sent."""

    binary_data_size: Annotated[
        int | None, Field(ge=0, description="How many bytes of the tensor follow the JSON, in place of data.")
    ] = None


class OutputParameters(BaseModel):
    """Of a tensor that is asked for."""

    binary_data: Annotated[bool | None, Field(description="Answer with bytes behind the JSON.")] = None


class RequestParameters(BaseModel):
    """Of a request."""

    binary_data_output: Annotated[bool, Field(description="binary_data of the outputs that do not say.")] = False


def split(content: bytes, length: str | None) -> tuple[bytes, bytes]:
    """Return the JSON of a body and the bytes behind it.

    Args:
        content: The body.
        length: The value of the header `HEADER`; None where there is none.

    Raises:
        HttpError: the header is no length of a part of the body.
    """
    if length is None:
        return content, b""
    if not (length.isascii() and length.isdecimal() and len(length) < 20 and int(length) <= len(content)):
        came = f"{HEADER} is {length!r:.40} for a body of {len(content):,} bytes"
        raise HttpError(400, came, "how many bytes of the body are JSON", "The tensors follow the JSON.")
    return content[: int(length)], content[int(length) :]


def values_of(behind: bytes, size: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return a tensor from the bytes behind the JSON: its numbers, flat.

    Raises:
        HttpError: there are more or fewer bytes than the tensor has.
    """
    wanted = int(np.prod(shape)) * _FORMAT.itemsize
    if size != wanted or len(behind) != wanted:
        came = f"binary_data_size is {size:,}, and {len(behind):,} bytes follow the JSON"
        raise HttpError(400, came, f"{wanted:,} bytes: {DATATYPE} of the shape {list(shape)}")
    values: NDArray[np.float32] = np.frombuffer(behind, _FORMAT)
    return values


def respond(about: Mapping[str, str], outputs: Mapping[str, NDArray[np.float32]], binary: Sequence[str]) -> Response:
    """Return the answer to a request.

    Args:
        about: The first members of the answer.
        outputs: The tensors by name, in order.
        binary: Names of those that follow the JSON as bytes.
    """
    tensors: list[dict[str, Any]] = []
    behind: list[bytes] = []
    for name, values in outputs.items():
        tensor: dict[str, Any] = {"name": name, "datatype": DATATYPE, "shape": list(values.shape)}
        if name in binary:
            behind.append(values.astype(_FORMAT).tobytes())
            tensor["parameters"] = {"binary_data_size": len(behind[-1])}
        else:
            tensor["data"] = values.ravel().tolist()
        tensors.append(tensor)
    content = json.dumps({**about, "outputs": tensors}).encode()
    if not behind:
        return Response(content, media_type=JSON)
    return Response(b"".join((content, *behind)), media_type=MEDIA_TYPE, headers={HEADER: str(len(content))})
