"""The networks that the page runs, and what the page has to know about them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from moue.classifier import community
from moue.classifier.classifier import Classifier
from moue.classifier.input_spec import InputSpec
from moue.classifier.locate import FIX, called
from moue.classifier.runtime import read_network
from moue.drawing.colors import class_colors
from moue.errors import MoueError

if TYPE_CHECKING:
    from pathlib import Path

    from moue.page.detector import PageDetector

MANIFEST: Final = "model.json"
"""Where the page looks for its network; this address never changes."""

FOLDER: Final = "model"
"""Where networks lie; their names change with their contents, so a browser may keep them."""

LIST: Final = "moue-page.json"
"""What the page consists of; only a page of moue holds it."""

LICENCES: Final = "LICENCES.txt"
"""The licences of what the page brings and others made."""

_FORMAT: Final = "moue-page-model"
_SUFFIX: Final = ".onnx"
_DIGITS: Final = 12
# What the page needs of a description. The rest says how and from what the network was made: nothing for visitors.
_PARTS: Final = ("name", "input", "heads", "expression", "features")
_FREE: Final = ("height", "width", "crop_margin", "crop_shift")


@dataclasses.dataclass(frozen=True)
class PageModel:
    """A network beside the page, and a detector, if it is not the one that is built into the page.

    Attributes:
        manifest: The contents of `MANIFEST`.
        content: The ONNX file.
        detector: Finds the faces; None leaves the detector that is built in.
    """

    manifest: dict[str, Any]
    content: bytes = dataclasses.field(repr=False)
    detector: PageDetector | None = None

    @classmethod
    def load(cls, name_or_path: str | Path) -> PageModel:
        """Load a network as `moue.Classifier.load` does, for the page.

        Raises:
            MoueError: as `moue.Classifier.load` and `of`.
        """
        return cls.of(Classifier.load(name_or_path), called(name_or_path))

    @classmethod
    def of(cls, classifier: Classifier, name: str) -> PageModel:
        """Return a loaded network for the page.

        Args:
            classifier: The network.
            name: What the page calls it.

        Raises:
            MoueError: the page cannot run it, or its file has changed.
        """
        _check(classifier)
        content = read_network(classifier.path, FIX)
        digest = hashlib.sha256(content).hexdigest()
        if digest != classifier.spec.onnx_sha256:
            raise MoueError(f"{classifier.path} has changed", "the network that was loaded", "Start again.")
        spec = classifier.spec.to_dict()
        colors = class_colors(classifier.class_names)
        manifest = {
            "format": _FORMAT,
            "name": name,
            "file": _address(digest),
            "bytes": len(content),
            "colors": {one: f"#{bytes(color).hex()}" for one, color in colors.items()},
            "accuracy": _accuracy(classifier),
            "spec": {part: spec[part] for part in _PARTS if part in spec},
        }
        return cls(manifest, content)

    @property
    def file(self) -> str:
        """The address of the network, relative to the page."""
        return str(self.manifest["file"])

    @property
    def files(self) -> dict[str, bytes]:
        """The ONNX files by their addresses, relative to the page."""
        found = {self.file: self.content}
        if self.detector is not None:
            found[self.manifest["detector"]["file"]] = self.detector.content
        return found

    def with_detector(self, detector: PageDetector | None) -> PageModel:
        """Return the network beside another detector."""
        if detector is None:
            return self
        about = {"file": _address(detector.digest), "bytes": len(detector.content)}
        manifest = {**self.manifest, "detector": {**detector.manifest, **about}}
        return dataclasses.replace(self, manifest=manifest, detector=detector)

    def manifest_text(self) -> str:
        """Return the contents of the file `MANIFEST`."""
        return json.dumps(self.manifest, ensure_ascii=False) + "\n"

    def listed(self, text: str) -> str:
        """Return the contents of the file `LIST` with these networks in place of others."""
        content = json.loads(text)
        others = [name for name in content.get("files", []) if not name.startswith(f"{FOLDER}/")]
        return json.dumps({**content, "files": sorted({*others, MANIFEST, *self.files})}, indent=1) + "\n"


def _address(digest: str) -> str:
    return f"{FOLDER}/{digest[:_DIGITS]}{_SUFFIX}"


def _check(classifier: Classifier) -> None:
    """Refuse what the page cannot run."""
    if classifier.path.suffix.lower() != _SUFFIX:
        raise MoueError(
            f"the page cannot run {classifier.path.name}", "an ONNX file", "Give the ONNX file of the same network."
        )
    if community.KEY in classifier.spec.extra:
        raise MoueError(
            f"the page cannot run {classifier.path.name}, which is of other origin", "a network that moue exported"
        )
    known, given = InputSpec().to_dict(), classifier.input.to_dict()
    for name, value in given.items():
        if name not in _FREE and value != known.get(name, value):
            raise MoueError(
                f"the page cannot feed {classifier.path.name}: input.{name} is {value!r:.80}", repr(known[name])
            )


def _accuracy(classifier: Classifier) -> float | None:
    """Return how often the answer is right on the test split; None where its card does not say."""
    scores = classifier.spec.scores
    # With one head the answer is that head's, calibrated: the most probable class is the same.
    part = scores.get("test_expression") or (scores.get("test") if len(classifier.spec.heads) == 1 else None)
    value = part.get("accuracy") if isinstance(part, dict) else None
    return float(value) if isinstance(value, int | float) and 0 <= value <= 1 else None
