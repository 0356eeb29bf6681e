"""Where detection models are kept, and downloading them; nothing is downloaded unless the user asks for it."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Final

from moue.download import Download, fetch
from moue.errors import MoueError, SettingError
from moue.files import cache_folder, sha256_of

ENVIRONMENT: Final = "MOUE_MODELS"
"""The environment variable with a folder that is searched for models."""

MODELS: Final = {
    "yunet": Download(
        url="https://github.com/opencv/opencv_zoo/raw/main/models/face_detection_yunet/face_detection_yunet_2023mar.onnx",
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        name="face_detection_yunet_2023mar.onnx",
        max_bytes=4 << 20,
    ),
}
"""Models that moue knows but does not ship: the address and checksum by name."""


def find(name: str, path: str | Path | None = None) -> Path | None:
    """Return the file of a model, or None if there is none.

    Args:
        name: A name in `MODELS`.
        path: The file itself, or a folder with it; then no other place is searched.

    Raises:
        MoueError: the name is unknown; `path` or the folder in `MOUE_MODELS` does not exist; the file is not the known
            one (a file given as `path` is not checked).
    """
    known = _known(name)
    if path is not None:
        file = Path(path) / known.name if Path(path).is_dir() else Path(path)
        if not file.is_file():
            raise MoueError(f"{file} does not exist", f"the model {known.name}", f"Get it with: moue download {name}")
        return file
    for folder in _folders():
        file = folder / known.name
        if file.is_file():
            if sha256_of(file) != known.sha256:
                raise MoueError(
                    f"{file} is not the known {known.name}",
                    f"SHA-256 {known.sha256}",
                    f"Remove it and run: moue download {name}; to use another model, give its path.",
                )
            return file
    return None


def download(name: str, folder: str | Path | None = None, *, url: str | None = None, overwrite: bool = False) -> Path:
    """Download a model from its public address over HTTPS and check its SHA-256.

    Args:
        name: A name in `MODELS`.
        folder: Where to put it; by default the folder in `MOUE_MODELS`, or otherwise the user's cache.
        url: Another address of the same file.
        overwrite: Download it even if it exists.

    Returns:
        The path of the file.

    Raises:
        MoueError: the name is unknown, the network fails, or the download is not the known file; then nothing is left
            behind.
    """
    known = _known(name)
    target = (Path(folder) if folder is not None else _folders()[0]) / known.name
    if target.is_file() and not overwrite and sha256_of(target) == known.sha256:
        return target
    # An existing file that is damaged may be replaced.
    return fetch(dataclasses.replace(known, url=url) if url else known, target, overwrite=True)


def _folders() -> list[Path]:
    named = os.environ.get(ENVIRONMENT)
    if named and not Path(named).expanduser().is_dir():
        raise MoueError(f"{ENVIRONMENT} names {named}", "a folder that exists", f"Make it, or unset {ENVIRONMENT}.")
    return [*([Path(named).expanduser()] if named else []), cache_folder() / "models"]


def _known(name: str) -> Download:
    if name not in MODELS:
        raise SettingError(f"unknown model {name!r}", f"one of {', '.join(sorted(MODELS))}")
    return MODELS[name]
