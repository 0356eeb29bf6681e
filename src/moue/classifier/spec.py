"""`ModelSpec`: the contents of ``model.json``, the one place that says how to feed a network."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.files import read_json, write_json
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT: Final = "moue-model"
VERSION: Final = 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FREE_FIELDS: Final = ("recipe", "data", "versions", "scores", "license")
FIX: Final = "Export the model again."
NEWER: Final = "It was written by a newer moue: upgrade this one (pip install -U moue)."
_MAX_SIDE: Final = 4096
_MOST_MARGIN: Final = 4


@dataclasses.dataclass(frozen=True)
class InputSpec:
    """How pixels become the network's input; the defaults are those of FER2013 and of the starting point.

    The network scales inside itself, so `pixel_range` is that of plain pictures.

    Attributes:
        height: Input height in pixels.
        width: Input width in pixels.
        channels: 1, gray.
        layout: ``"NHWC"``.
        color: ``"gray"``.
        gray_rule: ``"rec601"``, the luma weights of ``cv2.cvtColor``.
        pixel_range: (0, 255).
        dtype: ``"float32"``.
        resize: ``"bilinear"``, half-pixel centres without antialiasing, as ``cv2.resize``.
        crop_margin: A face is cut out of a photograph as a square; its side is the square root of the face box's area
            times 1 + crop_margin, which is above -1. A picture that is one face already is taken as it is.
        crop_shift: How far the square's centre lies from the box's towards the chin, in parts of that root, -1 to 1.
    """

    height: int = 48
    width: int = 48
    channels: int = 1
    layout: str = "NHWC"
    color: str = "gray"
    gray_rule: str = "rec601"
    pixel_range: tuple[int, int] = (0, 255)
    dtype: str = "float32"
    resize: str = "bilinear"
    # FER2013's own framing, measured with YuNet's boxes on its PublicTest faces: see benchmarks/roundtrip.py.
    crop_margin: float = 0.1
    crop_shift: float = -0.01

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            value = getattr(self, name)
            if not is_int(value) or not 1 <= value <= _MAX_SIDE:
                raise MoueError(f"input.{name} is {value!r}", f"a whole number from 1 to {_MAX_SIDE}", FIX)
        for field in dataclasses.fields(self):
            if field.name in ("height", "width", "crop_margin", "crop_shift"):
                continue
            if getattr(self, field.name) != field.default:
                raise MoueError(f"input.{field.name} is {getattr(self, field.name)!r}", repr(field.default), NEWER)
        if not is_finite(self.crop_margin) or not -1 < self.crop_margin <= _MOST_MARGIN:
            wanted = f"a number above -1, {_MOST_MARGIN} at most"
            raise MoueError(f"input.crop_margin is {self.crop_margin!r}", wanted, FIX)
        if not is_finite(self.crop_shift) or not -1 <= self.crop_shift <= 1:
            raise MoueError(f"input.crop_shift is {self.crop_shift!r}", "a number from -1 to 1", FIX)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.height, self.width, self.channels

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "pixel_range": list(self.pixel_range)}


@dataclasses.dataclass(frozen=True)
class HeadSpec:
    """One answer of the network.

    Attributes:
        name: What it answers, e.g. ``"emotion"``.
        output: Name of the ONNX output: probabilities float32 (N, len(class_names)).
        class_names: Names in the order of the output's columns.
        temperature: Above 0; calibrated probabilities are softmax(log p / temperature). 1 changes nothing.
    """

    name: str
    output: str
    class_names: tuple[str, ...] = CLASS_NAMES
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for field in ("name", "output"):
            if not is_word(getattr(self, field)):
                raise MoueError(f"a head's {field} is {getattr(self, field)!r}", "a text that is not empty", FIX)
        names: Any = self.class_names  # from JSON it may be anything
        where = f"class_names of head {self.name!r}"
        if not isinstance(names, tuple) or len(names) < 2 or not all(map(is_word, names)):
            raise MoueError(f"{where} are {names!r}", "two or more texts", FIX)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise MoueError(f"{where} name {', '.join(twice)} twice", "every class once", FIX)
        if not is_finite(self.temperature) or self.temperature <= 0:
            raise MoueError(f"temperature of head {self.name!r} is {self.temperature!r}", "a number above 0", FIX)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "class_names": list(self.class_names)}


@dataclasses.dataclass(frozen=True)
class PhotoSpec:
    """How the heads answer together for a face found in a photograph; the defaults let "emotion" answer alone.

    Attributes:
        perceived_share: Part of the head "perceived" in the answer, 0-1; the rest is that of "emotion". Probabilities
            are averaged over the classes of "emotion", after calibration.
        class_weights: What each probability is then multiplied with before they are made to sum to 1 again, above 0,
            in the order of the classes of "emotion"; empty changes nothing. Photographs show rare expressions more
            often than the training data does (logit adjustment, Menon et al. 2021, arXiv:2007.07314).
        temperature: Above 0; of the result, fitted to what the majority of people saw. 1 changes nothing.
        not_face_above: A detected face is dropped where "perceived" gives `not_face` more than this, 0-1.
    """

    perceived_share: float = 0.0
    class_weights: tuple[float, ...] = ()
    temperature: float = 1.0
    not_face_above: float = 1.0

    def __post_init__(self) -> None:
        for name in ("perceived_share", "not_face_above"):
            value = getattr(self, name)
            if not is_finite(value) or not 0 <= value <= 1:
                raise MoueError(f"photographs.{name} is {value!r}", "a number from 0 to 1", FIX)
        if not is_finite(self.temperature) or self.temperature <= 0:
            raise MoueError(f"photographs.temperature is {self.temperature!r}", "a number above 0", FIX)
        weights: Any = self.class_weights  # from JSON it may be anything
        if not isinstance(weights, tuple) or not all(is_finite(weight) and weight > 0 for weight in weights):
            raise MoueError(f"photographs.class_weights are {weights!r}", "numbers above 0", FIX)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "class_weights": list(self.class_weights)}

    @property
    def needs_perceived(self) -> bool:
        """Whether the head "perceived" has a say."""
        return self.perceived_share > 0 or self.not_face_above < 1


def is_int(value: object) -> bool:
    """Return whether a JSON value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    """Return whether a JSON value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_word(value: object) -> bool:
    """Return whether a JSON value is a text that is not empty."""
    return isinstance(value, str) and bool(value.strip())


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """What ``model.json`` holds, checked when made.

    Attributes:
        name: Name of the architecture, e.g. ``"seed_cnn"``.
        onnx_sha256: SHA-256 of the ONNX file beside it, 64 lower-case hexadecimal digits.
        heads: The network's answers, at least one.
        input: How to feed it.
        photographs: How the heads answer together for a face in a photograph.
        recipe: The training configuration.
        data: Source, counts and checksum of the training data.
        versions: Library versions at training and export.
        scores: Measured scores, fractions, each with its split.
        license: Terms of code and weights.
        provenance: Where the weights come from, in words.
        extra: Keys that this version does not know; kept when saved again.
    """

    name: str
    onnx_sha256: str
    heads: tuple[HeadSpec, ...]
    input: InputSpec = dataclasses.field(default_factory=InputSpec)
    photographs: PhotoSpec = dataclasses.field(default_factory=PhotoSpec)
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    license: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    provenance: str = ""
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not is_word(self.name):
            raise MoueError(f"name is {self.name!r}", "a text that is not empty", FIX)
        if not is_word(self.onnx_sha256) or not _SHA256.fullmatch(self.onnx_sha256):
            raise MoueError(f"onnx_sha256 is {self.onnx_sha256!r}", "64 lower-case hexadecimal digits", FIX)
        if not self.heads:
            raise MoueError("heads is empty", "at least one head", FIX)
        names = [head.name for head in self.heads]
        if len(set(names)) < len(names):
            raise MoueError(f"heads are named {', '.join(names)}", "every name once", FIX)
        if self.photographs.needs_perceived:
            self._check_perceived()
        weights = self.photographs.class_weights
        if weights and len(weights) != len(self.head("emotion").class_names):
            raise MoueError(f"photographs has {len(weights)} class_weights", "one for each class of 'emotion'", FIX)
        for field in (*_FREE_FIELDS, "extra"):
            if not isinstance(getattr(self, field), dict):
                raise MoueError(f"{field} is {getattr(self, field)!r}", "an object of names and values", FIX)
        if not isinstance(self.provenance, str):
            raise MoueError(f"provenance is {self.provenance!r}", "a text", FIX)

    def _check_perceived(self) -> None:
        missing = set(self.head("emotion").class_names) - set(self.head("perceived").class_names)
        if self.photographs.perceived_share and missing:
            raise MoueError(
                f"head 'perceived' does not know {', '.join(sorted(missing))}", "every class of 'emotion'", FIX
            )

    def head(self, name: str = "emotion") -> HeadSpec:
        """Return the head of that name.

        Raises:
            MoueError: there is none; the message lists the known ones.
        """
        for head in self.heads:
            if head.name == name:
                return head
        known = ", ".join(head.name for head in self.heads)
        raise MoueError(f"model {self.name!r} has no head {name!r}", f"one of {known}")

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of ``model.json``."""
        known = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "onnx_sha256": self.onnx_sha256,
            "input": self.input.to_dict(),
            "heads": [head.to_dict() for head in self.heads],
            "photographs": self.photographs.to_dict(),
            **{field: dict(getattr(self, field)) for field in _FREE_FIELDS},
            "provenance": self.provenance,
        }
        return {**known, **{key: value for key, value in self.extra.items() if key not in known}}

    @classmethod
    def from_dict(cls, content: Any) -> ModelSpec:  # noqa: ANN401 (what a JSON file holds is anything)
        """Check the contents of a ``model.json`` and return them as a spec.

        Args:
            content: As `to_dict` returns. Unknown top-level keys go to `extra`; unknown keys of input and heads are
                ignored.

        Raises:
            MoueError: it is not a moue model, is of an unknown version, or a value is missing or wrong.
        """
        content = _object(content, "the model description")
        if content.get("format") != FORMAT:
            raise MoueError(f"format is {content.get('format')!r}", repr(FORMAT), "Give moue's own model.json.")
        version = content.get("version")
        if not is_int(version) or version != VERSION:
            raise MoueError(f"version is {version!r}", str(VERSION), NEWER if is_int(version) else FIX)
        heads = _need(content, "heads", "the model description")
        if not isinstance(heads, list):
            raise MoueError(f"heads is {heads!r}", "a list of heads", FIX)
        known = {field.name for field in dataclasses.fields(cls)} - {"extra"}
        return cls(
            name=_need(content, "name", "the model description"),
            onnx_sha256=_need(content, "onnx_sha256", "the model description"),
            input=_input_from(_need(content, "input", "the model description")),
            heads=tuple(_head_from(head) for head in heads),
            photographs=_photographs_from(content.get("photographs", {})),
            **{field: content.get(field, {}) for field in _FREE_FIELDS},
            provenance=content.get("provenance", ""),
            extra={key: value for key, value in content.items() if key not in known | {"format", "version"}},
        )

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the spec as JSON.

        Raises:
            MoueError: `path` exists and `overwrite` is false, or it cannot be written.
        """
        write_json(path, self.to_dict(), overwrite=overwrite)

    @classmethod
    def load(cls, path: str | Path) -> ModelSpec:
        """Read a ``model.json``.

        Raises:
            MoueError: the file is missing, not JSON or not a model description; the message names the file.
        """
        content = read_json(path)
        try:
            return cls.from_dict(content)
        except MoueError as error:
            raise MoueError(f"{path}: {error.came}", error.expected, error.fix) from error


def _input_from(content: object) -> InputSpec:
    content = _object(content, "input")
    if "crop_shift" not in content:
        # Written before the crop was fitted: its margin was never measured.
        content = {**content, "crop_margin": InputSpec.crop_margin, "crop_shift": InputSpec.crop_shift}
    values = {field.name: _need(content, field.name, "input") for field in dataclasses.fields(InputSpec)}
    if isinstance(values["pixel_range"], list):
        values["pixel_range"] = tuple(values["pixel_range"])
    return InputSpec(**values)


def _head_from(content: object) -> HeadSpec:
    content = _object(content, "a head")
    values = {field.name: _need(content, field.name, "a head") for field in dataclasses.fields(HeadSpec)}
    if isinstance(values["class_names"], list):
        values["class_names"] = tuple(values["class_names"])
    return HeadSpec(**values)


def _photographs_from(content: object) -> PhotoSpec:
    content = _object(content, "photographs")
    values = {field.name: content.get(field.name, field.default) for field in dataclasses.fields(PhotoSpec)}
    if isinstance(values["class_weights"], list):
        values["class_weights"] = tuple(values["class_weights"])
    return PhotoSpec(**values)


def _object(content: object, where: str) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise MoueError(f"{where} is a {type(content).__name__}", "an object of names and values", FIX)
    return content


def _need(content: dict[str, Any], key: str, where: str) -> Any:  # noqa: ANN401 (JSON is anything)
    if key not in content:
        raise MoueError(f"{where} has no {key!r}", "every key that moue writes", FIX)
    return content[key]
