"""A detector that the page runs instead of the built-in one, and what the page has to know about it."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, Final

from moue.errors import SettingError
from moue.faces import store
from moue.faces.detectors.yunet import DEFAULT_MIN_SIZE, DEFAULT_THRESHOLD, find_yunet
from moue.faces.yunet_network import YuNet, read_free
from moue.files import sha256_of

OWN: Final = "own"
"""The detector that is built into the page."""

YUNET: Final = "yunet"
"""The detector that can replace it; its weights are not in the package."""

_LICENCE: Final = Path(__file__).parent / "yunet_licence.txt"


@dataclasses.dataclass(frozen=True)
class PageDetector:
    """YuNet for the page.

    Attributes:
        manifest: What the page has to know about it, except the URL and size of its file.
        content: The ONNX file, which takes images of any size.
        is_known: Whether it is the published file.
    """

    manifest: dict[str, Any]
    content: bytes = dataclasses.field(repr=False)
    is_known: bool = True

    @classmethod
    def load(cls, model: str | Path | None = None) -> PageDetector:
        """Load YuNet as `moue.faces.make_detector` does, for the page.

        Args:
            model: Its file, or a folder with it; None looks in the folder that `MOUE_MODELS` names and in the cache.

        Raises:
            MoueError: there is no file, or the file is not YuNet.
        """
        path = find_yunet(model)
        YuNet(path)  # raises if it is another network
        manifest = {"name": YUNET, "score_threshold": DEFAULT_THRESHOLD, "min_size": DEFAULT_MIN_SIZE}
        return cls(manifest, read_free(path), sha256_of(path) == store.MODELS[YUNET].sha256)

    @property
    def digest(self) -> str:
        """SHA-256 of `content`."""
        return hashlib.sha256(self.content).hexdigest()

    def licences(self, others: str) -> str:
        """Return the licences of the page with the detector: `others`, those of the page without it, and its own."""
        return "\n\n".join(text for text in (others.rstrip(), _LICENCE.read_text(encoding="utf-8")) if text)


def page_detector(name: str, model: str | Path | None = None) -> PageDetector | None:
    """Return the named detector for the page, or None for the built-in one.

    Args:
        name: ``"own"`` or ``"yunet"``.
        model: As for `PageDetector.load`; ``"own"`` takes none.

    Raises:
        MoueError: the page has no detector with this name, it takes no `model`, or as `PageDetector.load`.
    """
    if name == YUNET:
        return PageDetector.load(model)
    if name != OWN:
        raise SettingError(f"the page has no detector {name!r:.80}", f"{OWN} or {YUNET}")
    if model is not None:
        raise SettingError(f"the detector {OWN} takes no model file", "none", f"Choose the detector {YUNET}.")
    return None
