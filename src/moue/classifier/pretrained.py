"""Downloading a model: a pair of files at an HTTPS address, downloaded once, checked and cached."""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING, Final

from moue.classifier import checks
from moue.classifier.spec import ModelSpec
from moue.download import Download, fetch
from moue.errors import MoueError
from moue.files import cache_folder, sha256_of

if TYPE_CHECKING:
    from pathlib import Path

_HUB: Final = "https://huggingface.co"
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_MAX_JSON: Final = 1 << 20
_MAX_ONNX: Final = 1 << 28
_HTTPS: Final = ("https",)


def address_of(name: str, revision: str = "") -> str:
    """Return the address of the ONNX file: `name` itself, or ``model.onnx`` in a repository of the hub.

    Args:
        name: An address that ends in ``.onnx``, or ``owner/name``.
        revision: The 40 digits of the repository's commit; empty for an address.

    Raises:
        MoueError: `name` is neither, or the revision is not a commit.
    """
    if _REPOSITORY.fullmatch(name):
        if not _COMMIT.fullmatch(revision):
            raise MoueError(
                f"the revision is {revision!r:.80}", "the 40 hexadecimal digits of a commit", "Branches and tags move."
            )
        return f"{_HUB}/{name}/resolve/{revision}/model.onnx"
    if revision or "://" not in name or not urllib.parse.urlsplit(name).path.endswith(".onnx"):
        raise MoueError(
            f"the model is {name!r:.200}", "https://…/NAME.onnx, or owner/name of a hub with revision=", "Check it."
        )
    return name


def fetch_pair(address: str, sha256: str, *, schemes: tuple[str, ...] = _HTTPS) -> Path:
    """Return the ONNX file of a pair, from the cache if it was downloaded before.

    Args:
        address: The address of the ONNX file; the description has the same address with ``.json``.
        sha256: SHA-256 of the description, which holds that of the ONNX file: one checksum pins both.
        schemes: Allowed URL schemes, also for redirects.

    Raises:
        MoueError: `sha256` is not a SHA-256, the download fails, or a checksum does not match.
    """
    if not checks.is_sha256(sha256):
        raise MoueError(
            f"sha256 is {sha256!r:.200}", "64 lower-case hexadecimal digits", "They are those of NAME.json: sha256sum."
        )
    folder = cache_folder() / "models" / sha256
    description, onnx = folder / "model.json", folder / "model.onnx"
    parts = urllib.parse.urlsplit(address)
    beside = urllib.parse.urlunsplit(parts._replace(path=parts.path.removesuffix(".onnx") + ".json"))
    if not description.is_file() or sha256_of(description) != sha256:
        folder.mkdir(parents=True, exist_ok=True)
        fetch(Download(beside, sha256, description.name, _MAX_JSON, schemes), description, overwrite=True)
    expected = ModelSpec.load(description).onnx_sha256
    if not onnx.is_file() or sha256_of(onnx) != expected:
        fetch(Download(address, expected, onnx.name, _MAX_ONNX, schemes), onnx, overwrite=True)
    return onnx
