"""`/v2`: the Open Inference Protocol, which Triton and other servers speak.

https://github.com/open-inference/open-inference-protocol
"""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any, Final

import numpy as np
from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from moue.errors import MoueError
from moue.serve.binary import (
    DATATYPE,
    EXTENSION,
    HEADER,
    MEDIA_TYPE,
    InputParameters,
    OutputParameters,
    RequestParameters,
    respond,
    split,
    values_of,
)
from moue.serve.problems import HttpError, invalid
from moue.serve.schemas import (
    InferResponse,
    Live,
    ModelMetadata,
    ModelReady,
    Ready,
    ServerMetadata,
    Tensor,
    problems,
)
from moue.serve.uploads import JSON, joined, media_type, receive
from moue.serve.waiting import in_time

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.serve.engine import Engine, Model
    from moue.serve.gate import Gate

_VERSION: Final = "1"
_BINARY_BODY: Final = (
    f"JSON as InferRequest, {HEADER} bytes of it, and then tensors whose parameters have binary_data_size."
)
_WHITE: Final = 255
_FACE: Final = [round(_WHITE * place / 2303) for place in range(2304)]
_EXAMPLE: Final[dict[str, Any]] = {
    "inputs": [{"name": "images", "datatype": DATATYPE, "shape": [1, 48, 48, 1], "data": _FACE}],
    "outputs": [{"name": "expression"}],
}


class InputTensor(Tensor):
    """Faces as the model takes them."""

    model_config = ConfigDict(extra="ignore")
    data: Annotated[
        list[Any] | None, Field(description="Gray values from 0 to 255, flat or nested like the shape.")
    ] = None
    parameters: InputParameters = InputParameters()


class OutputName(BaseModel):
    """A requested output."""

    name: str
    parameters: OutputParameters = OutputParameters()


class InferRequest(BaseModel):
    """A request to run the model."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})
    id: str = ""
    inputs: Annotated[list[InputTensor], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[OutputName], Field(description="All outputs if empty.")] = []
    parameters: RequestParameters = RequestParameters()


_BODY: Final = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": {"$ref": "#/components/schemas/InferRequest"}},
            MEDIA_TYPE: {"schema": {"type": "string", "format": "binary", "description": _BINARY_BODY}},
        },
    },
    "parameters": [
        {
            "name": HEADER,
            "in": "header",
            "schema": {"type": "integer", "minimum": 0},
            "description": "How many bytes of the body are JSON, if tensors follow it.",
        }
    ],
}
_PROBLEMS: Final = problems(400, 401, 404, 405, 408, 413, 415, 422, 500, 503, 504)
Name = Annotated[str, Path(description="A name that /v1/models lists.")]


def protocol_router(engine: Engine, gate: Gate) -> APIRouter:
    """Return the routes of the protocol for the server and its models."""
    router = APIRouter(tags=["Open Inference Protocol"])

    @router.get("/v2", responses=problems(401, 405), summary="About the server")
    async def server() -> ServerMetadata:
        return ServerMetadata(name="moue", version=version("moue"), extensions=[EXTENSION])

    @router.get("/v2/models/{name}", responses=problems(401, 404, 405, 422), summary="Inputs and outputs of a model")
    async def metadata(name: Name) -> ModelMetadata:
        model = _find(engine, name)
        return ModelMetadata(
            name=name,
            versions=[_VERSION],
            platform="onnxruntime_onnx",
            inputs=_tensors(model.session.get_inputs()),
            outputs=_tensors(model.session.get_outputs()),
        )

    @router.get("/v2/models/{name}/ready", responses=problems(401, 404, 405, 422), summary="Whether a model is ready")
    async def ready(name: Name) -> ModelReady:
        return ModelReady(name=_find(engine, name).name, ready=True)

    @router.post(
        "/v2/models/{name}/infer",
        response_model=InferResponse,
        responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}, **_PROBLEMS},
        openapi_extra=_BODY,
        summary="Run a model",
    )
    async def infer(request: Request, name: Name) -> Response:
        model = _find(engine, name)
        media_type(request, JSON, "", MEDIA_TYPE)  # Triton's own client names no type
        async with receive(request, gate, engine.settings) as body:
            content = await joined(body)
            with gate.working():
                text, payload = split(content, request.headers.get(HEADER))
                return await in_time(request, _infer(engine, model, text, payload), engine.settings.timeout_s)

    return router


def protocol_health_router() -> APIRouter:
    """Return the routes of the protocol for health checks; they need no key."""
    router = APIRouter(tags=["Open Inference Protocol"])

    @router.get("/v2/health/live", responses=problems(405), summary="Whether the process runs")
    async def live() -> Live:
        return Live(live=True)

    @router.get(
        "/v2/health/ready",
        responses={503: {"model": Ready, "description": "The server is shutting down."}, **problems(405)},
        summary="Whether the server accepts requests",
    )
    async def ready(request: Request, response: Response) -> Ready:
        response.status_code = 503 if request.app.state.draining else 200
        return Ready(ready=not request.app.state.draining)

    return router


async def _infer(engine: Engine, model: Model, content: bytes, payload: bytes) -> Response:
    request, names, batch = await asyncio.to_thread(_parse, content, payload, model, engine.settings.max_faces)
    outputs = await engine.infer(model, batch)
    binary = {output.name: output.parameters.binary_data for output in request.outputs}
    default = request.parameters.binary_data_output
    chosen = [name for name in names if (default if (own := binary.get(name)) is None else own)]
    head = {"model_name": model.name, "model_version": _VERSION, "id": request.id}
    return respond(head, {name: outputs[name] for name in names}, chosen)


def _parse(
    content: bytes, payload: bytes, model: Model, max_faces: int
) -> tuple[InferRequest, list[str], NDArray[np.float32]]:
    """Return a request, the names of the requested outputs, and its faces."""
    try:
        request = InferRequest.model_validate_json(content)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_input=False), 400) from error
    known = model.session.output_names
    names = list(dict.fromkeys(output.name for output in request.outputs)) or list(known)
    for name in names:
        if name not in known:
            raise HttpError(400, f"there is no output {name!r:.80}", f"one of {', '.join(known)}")
    return request, names, _faces(request.inputs[0], payload, model, max_faces)


def _faces(tensor: InputTensor, payload: bytes, model: Model, max_faces: int) -> NDArray[np.float32]:
    expected = model.session.get_inputs()[0].name
    size = model.classifier.input.shape
    shown = f"[N, {', '.join(map(str, size))}]"
    if tensor.name != expected or tensor.datatype != DATATYPE:
        came = f"the input is {tensor.name!r:.80} of the type {tensor.datatype!r:.40}"
        raise HttpError(400, came, f"{expected!r} of the type {DATATYPE!r}")
    if len(tensor.shape) != 4 or tuple(tensor.shape[1:]) != size or tensor.shape[0] < 1:
        raise HttpError(400, f"the shape is {tensor.shape!r:.80}", f"{shown} with N of 1 or more")
    if tensor.shape[0] > max_faces:
        raise HttpError(413, f"there are {tensor.shape[0]:,} faces", f"{max_faces:,} at most", "Send several requests.")
    values = _numbers(tensor, payload)
    # NaN fails the comparison.
    if not (values.min() >= 0 and values.max() <= _WHITE):
        fix = "The model scales its input itself: send plain pixels."
        raise HttpError(400, "data holds values below 0 or above 255", "gray values, 0-255", fix)
    return values.astype(np.float32).reshape(tensor.shape)


def _numbers(tensor: InputTensor, payload: bytes) -> NDArray[Any]:
    """Return the numbers of a tensor whose shape is right."""
    size = tensor.parameters.binary_data_size
    if size is not None and tensor.data is None:
        return values_of(payload, size, tensor.shape)
    if tensor.data is None or size is not None or payload:
        came = "the tensor twice" if size is not None else "bytes of no tensor" if payload else "no tensor"
        expected = f"data in the JSON; or parameters.binary_data_size, the header {HEADER} and the bytes after the JSON"
        raise HttpError(400, f"the request holds {came}", expected)
    try:
        values = np.asarray(tensor.data)
    except ValueError as error:
        raise HttpError(400, "the lists in data differ in length", f"the numbers of {tensor.shape}") from error
    if values.dtype.kind not in "iuf" or values.size != np.prod(tensor.shape):
        came = f"data has {values.size:,} values" if values.dtype.kind in "iuf" else "data holds more than numbers"
        raise HttpError(400, came, f"the numbers of {tensor.shape}: {np.prod(tensor.shape):,}")
    return values


def _find(engine: Engine, name: str) -> Model:
    try:
        return engine.model(name)
    except MoueError as error:
        raise HttpError(404, error.came, error.expected, error.fix) from error


def _tensors(nodes: Any) -> list[Tensor]:  # noqa: ANN401 (ONNX Runtime has no types)
    return [
        Tensor(name=node.name, datatype=DATATYPE, shape=[side if isinstance(side, int) else -1 for side in node.shape])
        for node in nodes
    ]
