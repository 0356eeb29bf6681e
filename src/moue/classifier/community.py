"""Models that other projects published: a small JSON file says how to feed the ONNX file and what its columns mean.

moue ships the descriptions of a few such models in ``weights/community``, but not the models themselves.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier import checks
from moue.classifier.input_spec import COLORS, InputSpec
from moue.classifier.output_spec import ExpressionSpec, HeadSpec
from moue.classifier.session import FLOAT, Described, Tensor
from moue.classifier.spec import ModelSpec
from moue.errors import MoueError
from moue.files import read_json
from moue.heads import EXPRESSION, NOT_FACE
from moue.labels import name_classes
from moue.probabilities import softmax

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.classifier.session import Session

FORMAT: Final = "moue-community"
VERSION: Final = 1
KEY: Final = "community"
"""The key in `ModelSpec.extra` under which such a description is kept."""

_HEAD: Final = "emotion"
_CHOICES: Final = {
    "color": ("gray", "rgb", "bgr"),
    "layout": ("NCHW", "NHWC"),
    "values": ("logits", "probabilities"),
}
_MAX_UNUSED: Final = 1000
_FIX: Final = "docs/export.md describes these files."


@dataclasses.dataclass(frozen=True)
class CommunitySpec:
    """How to feed a community model, and how to read its output.

    A pixel p of 0-255 becomes (p * scale - mean) / std.

    Attributes:
        name: Name of the model.
        height: Input height in pixels.
        width: Input width in pixels.
        color: ``"gray"``, ``"rgb"`` or ``"bgr"``.
        layout: ``"NCHW"`` or ``"NHWC"``.
        scale: A number other than 0.
        mean: One number for each channel.
        std: One number for each channel, not 0.
        values: Whether the output holds ``"logits"`` or ``"probabilities"``.
        class_names: The classes of the first columns, in any usual spelling.
        unused: How many columns after them are not classes.
        output: Name of the output; empty for the first one.
        crop_margin: As in `InputSpec`.
        crop_shift: As in `InputSpec`.
        origin: Where the model was published.
        license: Its license, as far as known.
    """

    name: str
    height: int
    width: int
    color: str
    layout: str
    values: str
    class_names: tuple[str, ...]
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    unused: int = 0
    output: str = ""
    crop_margin: float = InputSpec.crop_margin
    crop_shift: float = InputSpec.crop_shift
    origin: str = ""
    license: str = ""

    def __post_init__(self) -> None:
        for field, allowed in _CHOICES.items():
            if getattr(self, field) not in allowed:
                raise MoueError(f"{field} is {getattr(self, field)!r:.200}", f"one of {', '.join(allowed)}", _FIX)
        for field in ("name", "output", "origin", "license"):
            text: Any = getattr(self, field)
            if not (checks.is_word(text) or (text == "" and field != "name")):
                raise MoueError(f"{field} is {text!r:.200}", "a text", _FIX)
        if not checks.is_int(self.unused) or not 0 <= self.unused <= _MAX_UNUSED:
            raise MoueError(f"unused is {self.unused!r:.200}", "a number of columns", _FIX)
        channels = COLORS[self.model_color]
        for field in ("mean", "std"):
            numbers: Any = getattr(self, field)
            if not isinstance(numbers, tuple) or len(numbers) != channels or not all(map(_is_finite, numbers)):
                raise MoueError(f"{field} is {numbers!r:.200}", f"{channels} numbers, one for each channel", _FIX)
        if not _is_finite(self.scale) or self.scale == 0 or 0 in self.std:
            raise MoueError(f"scale is {self.scale!r:.200} and std {self.std!r:.200}", "numbers other than 0", _FIX)
        self.to_model_spec("0" * 64)  # checks the rest

    @property
    def model_color(self) -> str:
        """``"gray"`` or ``"rgb"``; the session reorders the channels for ``"bgr"``."""
        return "gray" if self.color == "gray" else "rgb"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of one face, in the model's own layout."""
        channels = COLORS[self.model_color]
        is_first = self.layout == "NCHW"
        return (channels, self.height, self.width) if is_first else (self.height, self.width, channels)

    @classmethod
    def load(cls, path: Path) -> CommunitySpec:
        """Read a description.

        Raises:
            MoueError: it cannot be read, or a value is missing, unknown or wrong; the message names the file.
        """
        content = read_json(path)
        try:
            return cls(**_fields(content))
        except MoueError as error:
            raise MoueError(f"{path}: {error.came}", error.expected, error.fix) from error

    def to_model_spec(self, onnx_sha256: str) -> ModelSpec:
        """Return the spec of a `Classifier` with one head, "emotion", whose output is also `expression`."""
        names: Any = self.class_names
        if not isinstance(names, tuple) or not all(map(checks.is_word, names)):
            raise MoueError(f"class_names is {names!r:.200}", "a list of texts", _FIX)
        known = name_classes(names)
        head = HeadSpec(_HEAD, _HEAD, tuple(known[name] for name in names))
        return ModelSpec(
            name=self.name,
            onnx_sha256=onnx_sha256,
            heads=(head,),
            expression=ExpressionSpec.of_head(head),
            input=InputSpec(
                height=self.height,
                width=self.width,
                channels=COLORS[self.model_color],
                color=self.model_color,
                crop_margin=self.crop_margin,
                crop_shift=self.crop_shift,
            ),
            license={"weights": self.license or "unstated"},
            provenance=self.origin,
            extra={KEY: {**dataclasses.asdict(self), "format": FORMAT, "version": VERSION}},
        )


class CommunitySession(Described):
    """A community model behind the same inputs and outputs as moue's own models.

    Args:
        session: The session that ONNX Runtime opened.
        spec: The model's description.
        path: The model's file, for messages.

    Raises:
        MoueError: its input or output is not as described.
    """

    def __init__(self, session: Session, spec: CommunitySpec, path: Path) -> None:
        num = len(spec.class_names)
        outputs = [
            Tensor(_HEAD, ["N", num], FLOAT),
            Tensor(EXPRESSION, ["N", num], FLOAT),
            Tensor(NOT_FACE, ["N", 1], FLOAT),
        ]
        super().__init__([Tensor("images", ["N", spec.height, spec.width, len(spec.mean)], FLOAT)], outputs)
        self._session, self._spec = session, spec
        self._input, self._batch = _check_input(session, spec, path)
        self._output = _check_output(session, spec, path)
        self._mean, self._std = (np.array(numbers, np.float32) for numbers in (spec.mean, spec.std))

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """Return the named outputs, as ONNX Runtime does; `not_face` is 0, since the model does not predict it."""
        pixels = feeds["images"]
        scores = self._run_batches(self._as_input(pixels))[:, : len(self._spec.class_names)]
        y_prob = scores if self._spec.values == "probabilities" else softmax(scores.astype(np.float64))
        not_face = np.zeros((len(pixels), 1), np.float32)
        return [not_face if name == NOT_FACE else y_prob.astype(np.float32) for name in output_names]

    def _as_input(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """Turn RGB or gray float32 (N, H, W, C), 0-255, into the model's input."""
        ordered = pixels[..., ::-1] if self._spec.color == "bgr" else pixels
        scaled = (ordered * np.float32(self._spec.scale) - self._mean) / self._std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2) if self._spec.layout == "NCHW" else scaled)

    def _run_batches(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        step = self._batch or len(faces)
        parts = []
        for start in range(0, len(faces), step):
            part = faces[start : start + step]
            # A network with a fixed batch size needs full batches.
            full = np.concatenate([part, np.zeros((step - len(part), *part.shape[1:]), np.float32)])
            parts.append(self._session.run([self._output], {self._input: full})[0][: len(part)])
        return np.concatenate(parts)


def _fields(content: object) -> dict[str, Any]:
    """Return the fields of a `CommunitySpec` from a JSON object."""
    content = checks.need_object(content, "the description")
    if (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise MoueError(f"it is not a {FORMAT} file of this version", f"version {VERSION}", checks.NEWER)
    known = dataclasses.fields(CommunitySpec)
    given = {name: value for name, value in content.items() if name not in ("format", "version")}
    unknown = given.keys() - {field.name for field in known}
    if unknown:
        names = ", ".join(sorted(unknown))
        raise MoueError(f"unknown keys: {names:.200}", f"some of {', '.join(field.name for field in known)}", _FIX)
    for field in known:
        if field.default is dataclasses.MISSING:
            checks.need(given, field.name, "the description")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def is_community(description: Path) -> bool:
    """Return whether a file describes a community model."""
    content = read_json(description)
    return isinstance(content, dict) and content.get("format") == FORMAT


def _check_input(session: Session, spec: CommunitySpec, path: Path) -> tuple[str, int]:
    """Return the name of the input, and its batch size if that is fixed, else 0."""
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise MoueError(f"{path} has {len(inputs)} inputs", "one", _FIX)
    shape = inputs[0].shape
    fits = len(shape) == 4 and all(
        side == wanted or not isinstance(side, int) for side, wanted in zip(shape[1:], spec.shape, strict=True)
    )
    if not fits or inputs[0].type != FLOAT:
        wanted = f"{FLOAT} {['N', *spec.shape]}, as its description says"
        raise MoueError(f"{path} takes {inputs[0].type} {shape}", wanted, _FIX)
    return inputs[0].name, shape[0] if isinstance(shape[0], int) else 0


def _check_output(session: Session, spec: CommunitySpec, path: Path) -> str:
    outputs = {output.name: output for output in session.get_outputs()}
    name = spec.output or next(iter(outputs))
    if name not in outputs:
        raise MoueError(f"{path} has no output {name!r}", f"one of {', '.join(outputs)}", _FIX)
    shape, columns = outputs[name].shape, len(spec.class_names) + spec.unused
    if len(shape) != 2 or (isinstance(shape[1], int) and shape[1] != columns):
        raise MoueError(f"output {name!r} of {path} is {shape}", f"(N, {columns})", _FIX)
    return name


def _is_finite(number: object) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
