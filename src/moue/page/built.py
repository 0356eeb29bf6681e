"""Finds the built page and copies it for any web host."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from moue.classifier.locate import DEFAULT_MODEL
from moue.errors import MoueError
from moue.files import cannot_write, locked, refuse_existing
from moue.page.detector import OWN, page_detector
from moue.page.model import FOLDER, LICENCES, LIST, MANIFEST, PageModel

_BUILT: Final = Path(__file__).parent / "static"
_INDEX: Final = "index.html"


def folder() -> Path | None:
    """Return the folder of the built page, or None if it was not built.

    A wheel contains it. In a clone of the repository, ``make page`` builds it, which needs Node.
    """
    return _BUILT if (_BUILT / _INDEX).is_file() else None


def copy(
    out: str | Path,
    *,
    model: str | Path | None = None,
    detector: str = OWN,
    detector_model: str | Path | None = None,
    overwrite: bool = False,
) -> Path:
    """Copy the built page to a new folder, which any web host can serve as it is.

    Args:
        out: The folder to write.
        model: The model of the page, as for `moue.Classifier.load`; None takes the shipped one.
        detector: What finds the faces: ``"own"``, which is built into the page, or ``"yunet"``.
        detector_model: YuNet's file, or a folder with it; None looks where `moue.faces.make_detector` does.
        overwrite: Replace an existing folder if it is empty or contains an earlier page.

    Returns:
        `out`.

    Raises:
        MoueError: the page was not built; the model or the detector cannot be loaded, or the page cannot run it;
            `out` exists and `overwrite` is false, or it contains something else; or it cannot be written.
    """
    built, target = folder(), Path(out)
    if built is None:
        raise MoueError(
            "this copy of moue has no built page", "the page's files in the package", "In a clone: make page."
        )
    refuse_existing(target, overwrite=overwrite)
    _refuse_other(target)
    chosen_detector = page_detector(detector, detector_model)
    chosen = None
    if model is not None or chosen_detector is not None:
        chosen = PageModel.load(DEFAULT_MODEL if model is None else model).with_detector(chosen_detector)
    with locked(target):
        try:
            _replace(built, target, chosen)
        except OSError as error:
            raise cannot_write(target, error) from error
    return target


def _refuse_other(target: Path) -> None:
    """Refuse to replace anything but a page: the user's own files would be lost."""
    if os.path.lexists(target) and not _is_replaceable(target):
        raise MoueError(f"{target} is not a page that moue wrote", "a new name, an empty folder or an earlier page")


def _is_replaceable(target: Path) -> bool:
    if target.is_symlink() or not target.is_dir():
        return False
    return (target / LIST).is_file() or not any(target.iterdir())


def _replace(built: Path, target: Path, model: PageModel | None) -> None:
    """Copy to a temporary folder first, so that `target` is never a half-written page."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:40]}-", dir=target.parent) as work:
        new, old = Path(work) / "new", Path(work) / "old"
        shutil.copytree(built, new)
        if model is not None:
            put_in(new, model)
        if target.exists():
            target.replace(old)
        new.replace(target)


def put_in(folder: Path, model: PageModel) -> None:
    """Put a model and its detector into the page in a folder, in place of any others."""
    shutil.rmtree(folder / FOLDER, ignore_errors=True)
    (folder / FOLDER).mkdir()
    for name, content in model.files.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_text(model.manifest_text(), encoding="utf-8")
    file_list = folder / LIST
    if file_list.exists():  # it comes with the built page
        file_list.write_text(model.listed(file_list.read_text(encoding="utf-8")), encoding="utf-8")
    if model.detector is not None:
        licences = folder / LICENCES
        others = licences.read_text(encoding="utf-8") if licences.exists() else ""
        licences.write_text(model.detector.licences(others), encoding="utf-8")
