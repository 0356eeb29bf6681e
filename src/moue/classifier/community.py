"""Networks of other origin: a small JSON file says how such an ONNX file is fed and what its columns mean.

moue ships these descriptions for a few networks that others published, in ``weights/community``, and not the networks.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.classifier import checks
from moue.classifier.answer_spec import ExpressionSpec, HeadSpec
from moue.classifier.input_spec import COLORS, InputSpec
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
"""Where a `ModelSpec` made from such a description keeps it."""

_HEAD: Final = "emotion"
_CHOICES: Final = {
    "color": ("gray", "rgb", "bgr"),
    "layout": ("NCHW", "NHWC"),
    "values": ("logits", "probabilities"),
}
_MOST_UNUSED: Final = 1000
_FIX: Final = "docs/export.md describes these files."


@dataclasses.dataclass(frozen=True)
class CommunitySpec:
    """How to feed a network of other origin, and how to read its answer.

    A pixel p of 0-255 becomes (p * scale - mean) / std.

    Attributes:
        name: Its name.
        height: Input height in pixels.
        width: Input width in pixels.
        color: ``"gray"``, ``"rgb"`` or ``"bgr"``.
        layout: ``"NCHW"`` or ``"NHWC"``.
        scale: See above.
        mean: A number for each channel.
        std: A number for each channel, not 0.
        values: Whether the output holds ``"logits"`` or ``"probabilities"``.
        class_names: The classes of its first columns, in any usual spelling.
        unused: How many columns follow that are no classes.
        output: The name of the output; empty for the first one.
        crop_margin: As in `InputSpec`.
        crop_shift: As in `InputSpec`.
        origin: Where the network was published.
        license: Its terms, as far as known.
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
        if not checks.is_int(self.unused) or not 0 <= self.unused <= _MOST_UNUSED:
            raise MoueError(f"unused is {self.unused!r:.200}", "a number of columns", _FIX)
        channels = COLORS[self.model_color]
        for field in ("mean", "std"):
            numbers: Any = getattr(self, field)
            if not isinstance(numbers, tuple) or len(numbers) != channels or not all(map(_is_finite, numbers)):
                raise MoueError(f"{field} is {numbers!r:.200}", f"{channels} numbers, one for each channel", _FIX)
        if not _is_finite(self.scale) or self.scale == 0 or 0 in self.std:
            raise MoueError(f"scale is {self.scale!r:.200} and std {self.std!r:.200}", "numbers other than 0", _FIX)
        self.to_model_spec("0" * 64)  # which checks the rest

    @property
    def model_color(self) -> str:
        """``"gray"`` or ``"rgb"``: the order of the channels is the session's matter."""
        return "gray" if self.color == "gray" else "rgb"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one face, in the network's own order."""
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
        """Return the description that a `Classifier` has: one head, "emotion", whose answer is `expression` too."""
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
    """A network of other origin that takes and gives what moue's own networks do.

    Args:
        session: The network as ONNX Runtime opened it.
        spec: Its description.
        path: Its file, for messages.

    Raises:
        MoueError: its input or output is not as described.
    """

    def __init__(self, session: Session, spec: CommunitySpec, path: Path) -> None:
        num = len(spec.class_names)
        answers = [
            Tensor(_HEAD, ["N", num], FLOAT),
            Tensor(EXPRESSION, ["N", num], FLOAT),
            Tensor(NOT_FACE, ["N", 1], FLOAT),
        ]
        super().__init__([Tensor("images", ["N", spec.height, spec.width, len(spec.mean)], FLOAT)], answers)
        self._session, self._spec = session, spec
        self._input, self._batch = _check_input(session, spec, path)
        self._output = _check_output(session, spec, path)
        self._mean, self._std = (np.array(numbers, np.float32) for numbers in (spec.mean, spec.std))

    def run(
        self, output_names: Sequence[str], feeds: Mapping[str, NDArray[np.float32]], _options: object = None
    ) -> list[NDArray[np.float32]]:
        """Return outputs by their names, as ONNX Runtime's own; `not_face` is 0, since the network cannot tell."""
        pixels = feeds["images"]
        answer = self._answer(self._as_input(pixels))[:, : len(self._spec.class_names)]
        y_prob = answer if self._spec.values == "probabilities" else softmax(answer.astype(np.float64))
        answers = {NOT_FACE: np.zeros((len(pixels), 1), np.float32)}
        return [answers[name] if name in answers else y_prob.astype(np.float32) for name in output_names]

    def _as_input(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (N, H, W, C) of 0-255, red first, to what the network wants."""
        ordered = pixels[..., ::-1] if self._spec.color == "bgr" else pixels
        scaled = (ordered * np.float32(self._spec.scale) - self._mean) / self._std
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2) if self._spec.layout == "NCHW" else scaled)

    def _answer(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        step = self._batch or len(faces)
        parts = []
        for start in range(0, len(faces), step):
            part = faces[start : start + step]
            # A network of a fixed batch size wants full batches.
            full = np.concatenate([part, np.zeros((step - len(part), *part.shape[1:]), np.float32)])
            parts.append(self._session.run([self._output], {self._input: full})[0][: len(part)])
        return np.concatenate(parts)


def _fields(content: object) -> dict[str, Any]:
    """Return the fields of a `CommunitySpec` in a JSON object."""
    content = checks.need_object(content, "the description")
    if (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise MoueError(f"it is not a {FORMAT} file of this version", f"version {VERSION}", checks.NEWER)
    known = dataclasses.fields(CommunitySpec)
    given = {name: value for name, value in content.items() if name not in ("format", "version")}
    unknown = given.keys() - {field.name for field in known}
    if unknown:
        said = ", ".join(sorted(unknown))
        raise MoueError(f"unknown keys: {said:.200}", f"some of {', '.join(field.name for field in known)}", _FIX)
    for field in known:
        if field.default is dataclasses.MISSING:
            checks.need(given, field.name, "the description")
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def is_community(description: Path) -> bool:
    """Return whether a file describes a network of other origin."""
    content = read_json(description)
    return isinstance(content, dict) and content.get("format") == FORMAT


def _check_input(session: Session, spec: CommunitySpec, path: Path) -> tuple[str, int]:
    """Return the name of the input, and the batch size if it is fixed, else 0."""
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
