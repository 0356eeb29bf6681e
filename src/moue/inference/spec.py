"""`ModelSpec`: the contents of ``model.json``, the one place that says how to feed a network."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Any, Final

from moue.errors import MoueError
from moue.files import read_json, write_json
from moue.inference.spec_parts import FIX, NEWER, HeadSpec, InputSpec, PhotoSpec, is_int, is_word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["HeadSpec", "InputSpec", "ModelSpec", "PhotoSpec"]

FORMAT: Final = "moue-model"
VERSION: Final = 1
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_FREE_FIELDS: Final = ("recipe", "data", "versions", "scores", "license")


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
