"""`ModelSpec`: the contents of ``model.json``, which says how to feed a model and how to read its outputs."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.classifier import checks
from moue.classifier.checks import FIX, NEWER
from moue.classifier.features import FeatureSpec
from moue.classifier.input_spec import InputSpec
from moue.classifier.output_spec import ExpressionSpec, HeadSpec
from moue.errors import MoueError
from moue.files import read_json, write_json
from moue.heads import EXPRESSION, NOT_FACE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT: Final = "moue-model"
VERSION: Final = 3
OTHERS: Final = "expression_others"
"""Key in `ModelSpec.data`: the additional faces that `expression` was fitted to, with their checksum and counts."""

STARTED_FROM: Final = "started_from"
"""Key in `ModelSpec.data`: the training data of the model whose weights the training started from."""

_FREE_FIELDS: Final = ("recipe", "data", "versions", "scores", "license")


@dataclasses.dataclass(frozen=True)
class ModelSpec:
    """The contents of ``model.json``, checked on creation.

    Attributes:
        name: Name of the architecture, e.g. ``"seed_cnn"``.
        onnx_sha256: SHA-256 of the ONNX file beside it, 64 lower-case hexadecimal digits.
        heads: The model's raw outputs, at least one.
        expression: How its outputs ``expression`` and ``not_face`` are computed from the heads.
        input: How pixels become its input.
        recipe: The training configuration.
        data: Source, counts and checksum of the training data.
        versions: Library versions at training and export.
        scores: Measured scores, as fractions, by split.
        license: Terms of code and weights.
        provenance: Where the weights come from, in words.
        features: Where its last feature map is; None if the network does not end in global average pooling.
        extra: Keys that this version does not know; `save` writes them again.
    """

    name: str
    onnx_sha256: str
    heads: tuple[HeadSpec, ...]
    expression: ExpressionSpec
    input: InputSpec = dataclasses.field(default_factory=InputSpec)
    recipe: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    versions: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scores: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    license: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    provenance: str = ""
    features: FeatureSpec | None = None
    extra: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if not checks.is_word(self.name):
            raise MoueError(f"name is {self.name!r:.200}", "a text that is not empty", FIX)
        if not checks.is_sha256(self.onnx_sha256):
            raise MoueError(f"onnx_sha256 is {self.onnx_sha256!r:.200}", "64 lower-case hexadecimal digits", FIX)
        self._check_heads()
        for field in (*_FREE_FIELDS, "extra"):
            value = getattr(self, field)
            if not isinstance(value, dict) or not checks.is_plain(value):
                raise MoueError(f"{field} is {value!r:.200}", "an object of names and plain values", FIX)
        provenance: Any = self.provenance
        if not isinstance(provenance, str) or not checks.is_plain(provenance):
            raise MoueError(f"provenance is {self.provenance!r:.200}", "a text", FIX)

    def _check_heads(self) -> None:
        if not self.heads:
            raise MoueError("heads is empty", "at least one head", FIX)
        names = [head.name for head in self.heads]
        if {EXPRESSION, NOT_FACE} & {*names, *(head.output for head in self.heads)}:
            raise MoueError(
                f"a head is named {EXPRESSION} or {NOT_FACE}", "another name: these come from the heads", FIX
            )
        if len(set(names)) < len(names):
            raise MoueError(f"heads are named {', '.join(names):.200}", "every name once", FIX)
        for name, rows in self.expression.weights.items():
            width = len(self.head(name).class_names)
            if any(len(row) != width for row in rows):
                raise MoueError(
                    f"expression.weights of {name!r:.200} has rows of {sorted({len(row) for row in rows})} numbers",
                    f"{width}, the classes of that head",
                    FIX,
                )
        absent = set() if self.features is None else set(self.expression.weights) - set(self.features.layers)
        if absent:
            raise MoueError(f"features has no layers of {', '.join(sorted(absent)):.200}", "those of every head", FIX)

    def head(self, name: str) -> HeadSpec:
        """Return the head of that name.

        Raises:
            MoueError: the model has no such head.
        """
        for head in self.heads:
            if head.name == name:
                return head
        raise MoueError(f"there is no head {name!r:.200}", f"one of {', '.join(head.name for head in self.heads)}")

    @property
    def not_face_head(self) -> HeadSpec | None:
        """The head that predicts whether an image shows no face; None if there is none."""
        return next((head for head in self.heads if NOT_FACE in head.class_names), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of ``model.json`` as JSON values."""
        known = {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "onnx_sha256": self.onnx_sha256,
            "input": self.input.to_dict(),
            "heads": [head.to_dict() for head in self.heads],
            "expression": self.expression.to_dict(),
            **{field: dict(getattr(self, field)) for field in _FREE_FIELDS},
            "provenance": self.provenance,
            **({} if self.features is None else {"features": self.features.to_dict()}),
        }
        return {**known, **{key: value for key, value in self.extra.items() if key not in known}}

    @classmethod
    def from_dict(cls, content: Any) -> ModelSpec:  # noqa: ANN401 (a JSON file may hold anything)
        """Check the contents of a ``model.json`` and return them as a spec.

        Args:
            content: As `to_dict` returns. Unknown top-level keys go to `extra`; unknown keys deeper down are ignored.

        Raises:
            MoueError: it is not a moue model, is of an unknown version, or a value is missing or wrong.
        """
        where = "the model description"
        content = checks.need_object(content, where)
        if content.get("format") != FORMAT:
            raise MoueError(f"format is {content.get('format')!r:.200}", repr(FORMAT), "Give moue's own model.json.")
        version = content.get("version")
        if not checks.is_int(version) or version != VERSION:
            newer = checks.is_int(version) and version > VERSION
            raise MoueError(f"version is {version!r:.200}", str(VERSION), NEWER if newer else FIX)
        heads = checks.need(content, "heads", where)
        if not isinstance(heads, list):
            raise MoueError(f"heads is {heads!r:.200}", "a list of heads", FIX)
        known = {field.name for field in dataclasses.fields(cls)} - {"extra"}
        return cls(
            name=checks.need(content, "name", where),
            onnx_sha256=checks.need(content, "onnx_sha256", where),
            input=InputSpec(**_values(InputSpec, checks.need(content, "input", where), "input")),
            heads=tuple(HeadSpec(**_values(HeadSpec, head, "a head")) for head in heads),
            expression=ExpressionSpec(
                **_values(ExpressionSpec, checks.need(content, "expression", where), "expression")
            ),
            **{field: content.get(field, {}) for field in _FREE_FIELDS},
            provenance=content.get("provenance", ""),
            features=FeatureSpec.from_dict(content["features"]) if "features" in content else None,
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


def _values(kind: type, content: object, where: str) -> dict[str, Any]:
    """Return the fields of a part, with lists as tuples; every field must be present."""
    content = checks.need_object(content, where)
    values = {field.name: checks.need(content, field.name, where) for field in dataclasses.fields(kind)}
    return {name: _frozen(value) for name, value in values.items()}


def _frozen(value: Any) -> Any:  # noqa: ANN401 (from JSON it may be anything)
    """Return a JSON value with all its lists as tuples, however deep."""
    if isinstance(value, dict):
        return {name: _frozen(inner) for name, inner in value.items()}
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list) else value
