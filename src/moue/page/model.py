"""The models that the page runs, and what the page has to know about them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from moue.classifier import community
from moue.classifier.classifier import Classifier
from moue.classifier.input_spec import InputSpec
from moue.classifier.locate import FIX, display_name
from moue.classifier.runtime import read_network
from moue.drawing.colors import class_colors
from moue.errors import MoueError

if TYPE_CHECKING:
    from pathlib import Path

    from moue.page.detector import PageDetector

MANIFEST: Final = "model.json"
"""Where the page looks for its model; this URL never changes."""

FOLDER: Final = "model"
"""The folder of the ONNX files; their names change with their contents, so a browser may cache them."""

LIST: Final = "moue-page.json"
"""The list of the page's files; only a page of moue contains it."""

LICENCES: Final = "LICENCES.txt"
"""The licences of the third-party parts of the page."""

_FORMAT: Final = "moue-page-model"
_SUFFIX: Final = ".onnx"
_DIGITS: Final = 12
# The parts of a model's description that the page needs. The rest describes the training: nothing for visitors.
_PARTS: Final = ("name", "input", "heads", "expression", "features")
_VARIABLE: Final = ("height", "width", "crop_margin", "crop_shift")


@dataclasses.dataclass(frozen=True)
class PageModel:
    """A model for the page, and a detector if it is not the built-in one.

    Attributes:
        manifest: The contents of `MANIFEST`.
        content: The ONNX file.
        detector: Finds the faces; None keeps the built-in detector.
    """

    manifest: dict[str, Any]
    content: bytes = dataclasses.field(repr=False)
    detector: PageDetector | None = None

    @classmethod
    def load(cls, name_or_path: str | Path) -> PageModel:
        """Load a model for the page, as `moue.Classifier.load` does.

        Raises:
            MoueError: as `moue.Classifier.load` and `of`.
        """
        return cls.of(Classifier.load(name_or_path), display_name(name_or_path))

    @classmethod
    def of(cls, classifier: Classifier, name: str) -> PageModel:
        """Return a loaded model for the page.

        Args:
            classifier: The model.
            name: Its name on the page.

        Raises:
            MoueError: the page cannot run it, or its file has changed.
        """
        _check(classifier)
        content = read_network(classifier.path, FIX)
        digest = hashlib.sha256(content).hexdigest()
        if digest != classifier.spec.onnx_sha256:
            raise MoueError(f"{classifier.path} has changed", "the model that was loaded", "Start again.")
        spec = classifier.spec.to_dict()
        colors = class_colors(classifier.class_names)
        manifest = {
            "format": _FORMAT,
            "name": name,
            "file": _path_of(digest),
            "bytes": len(content),
            "colors": {label: f"#{bytes(color).hex()}" for label, color in colors.items()},
            "accuracy": _accuracy(classifier),
            "spec": {part: spec[part] for part in _PARTS if part in spec},
        }
        return cls(manifest, content)

    @property
    def file(self) -> str:
        """The URL of the model, relative to the page."""
        return str(self.manifest["file"])

    @property
    def files(self) -> dict[str, bytes]:
        """The ONNX files by URL, relative to the page."""
        files = {self.file: self.content}
        if self.detector is not None:
            files[self.manifest["detector"]["file"]] = self.detector.content
        return files

    def with_detector(self, detector: PageDetector | None) -> PageModel:
        """Return the model with another detector."""
        if detector is None:
            return self
        file = {"file": _path_of(detector.digest), "bytes": len(detector.content)}
        manifest = {**self.manifest, "detector": {**detector.manifest, **file}}
        return dataclasses.replace(self, manifest=manifest, detector=detector)

    def manifest_text(self) -> str:
        """Return the contents of the file `MANIFEST`."""
        return json.dumps(self.manifest, ensure_ascii=False) + "\n"

    def listed(self, text: str) -> str:
        """Return the contents of the file `LIST`, with these models in place of others."""
        content = json.loads(text)
        others = [name for name in content.get("files", []) if not name.startswith(f"{FOLDER}/")]
        return json.dumps({**content, "files": sorted({*others, MANIFEST, *self.files})}, indent=1) + "\n"


def _path_of(digest: str) -> str:
    return f"{FOLDER}/{digest[:_DIGITS]}{_SUFFIX}"


def _check(classifier: Classifier) -> None:
    """Refuse what the page cannot run."""
    if classifier.path.suffix.lower() != _SUFFIX:
        raise MoueError(
            f"the page cannot run {classifier.path.name}", "an ONNX file", "Give the ONNX file of the same model."
        )
    if community.KEY in classifier.spec.extra:
        raise MoueError(
            f"the page cannot run {classifier.path.name}, which moue did not export", "a model that moue exported"
        )
    supported, given = InputSpec().to_dict(), classifier.input.to_dict()
    for name, value in given.items():
        if name not in _VARIABLE and value != supported.get(name, value):
            raise MoueError(
                f"the page cannot feed {classifier.path.name}: input.{name} is {value!r:.80}", repr(supported[name])
            )


def _accuracy(classifier: Classifier) -> float | None:
    """Return the accuracy on the test split; None if its card does not have it."""
    scores = classifier.spec.scores
    # With one head, the prediction is the calibrated output of that head: the most probable class is the same.
    part = scores.get("test_expression") or (scores.get("test") if len(classifier.spec.heads) == 1 else None)
    value = part.get("accuracy") if isinstance(part, dict) else None
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None
