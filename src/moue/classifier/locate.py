"""Finding the files of a model by name or by path."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from moue.errors import MoueError
from moue.files import as_path

WEIGHTS: Final = Path(__file__).parents[1] / "weights"
DEFAULT_MODEL: Final = "small"
"""The model that is used if none is named."""

SUFFIXES: Final = (".onnx", ".tflite", ".xml")
"""Suffixes of the files that `Classifier.load` runs."""

_COMMUNITY: Final = WEIGHTS / "community"

FIX: Final = "Export the model again, or copy both files again."


def shipped_models() -> tuple[str, ...]:
    """Return the names that `Classifier.load` knows without a path, sorted."""
    return tuple(sorted(path.stem for path in WEIGHTS.glob("*.onnx")))


def display_name(name_or_path: str | Path) -> str:
    """Return the display name of a model: its name if it is shipped, else that of its folder or file."""
    if str(name_or_path) in shipped_models():
        return str(name_or_path)
    path = Path(name_or_path)
    return path.stem if path.suffix.lower() in SUFFIXES else path.resolve().name


def description_beside(path: Path) -> Path:
    """Return the description beside a model file: ``NAME.json`` for ``NAME.onnx``, else the file name + ``.json``."""
    return path.with_suffix(".json") if path.suffix.lower() == ".onnx" else path.with_name(f"{path.name}.json")


def description_of(path: Path) -> Path:
    """Return the description of a model: the one beside it, or the one that moue ships for an ONNX file of its name.

    moue ships descriptions of some community models, but not the models themselves.
    """
    beside, shipped = description_beside(path), _COMMUNITY / f"{path.stem}.json"
    is_known = path.suffix.lower() == ".onnx" and not beside.is_file() and shipped.is_file()
    return shipped if is_known else beside


def locate(name_or_path: str | Path) -> Path:
    """Return the file of a model; `description_of` returns its description.

    Args:
        name_or_path: A str that is the name of a shipped model means that model, even if a file of that name exists.
            Anything else is a path: a run folder, or an ONNX, LiteRT or OpenVINO file. To mean a folder called
            ``small``, write ``./small`` or pass a `Path`.

    Raises:
        MoueError: there is no such model, or a file is missing.
    """
    known = shipped_models()
    if isinstance(name_or_path, str) and name_or_path in known:
        return WEIGHTS / f"{name_or_path}.onnx"
    path = as_path(name_or_path, "the model")
    if path.is_dir():
        onnx, fix = (
            path / "model.onnx",
            "Is the training still running? Otherwise: moue export RUN fer2013.csv",
        )
    elif path.suffix.lower() in SUFFIXES:
        onnx, fix = path, "Check the name."
    elif path.exists():
        raise MoueError(
            f"{path} is not an ONNX, LiteRT or OpenVINO file", "a run folder, or NAME.onnx with NAME.json beside it"
        )
    else:
        named = f'Give the name as text: "{path}".' if str(path) in known else ""
        raise MoueError(
            f"there is no model {str(name_or_path)!r}",
            f"a run folder, an ONNX, LiteRT or OpenVINO file, or the name of a shipped model ({', '.join(known)})",
            named or "Train one with: moue train fer2013.csv --out RUN, then pass the folder RUN.",
        )
    description = description_of(onnx)
    for file in (onnx, description):
        if not file.is_file():
            wanted = f"{onnx.name} and {description.name}"
            raise MoueError(f"{file} does not exist", wanted, FIX if onnx.is_file() else fix)
    return onnx


def identity(name_or_path: str | Path) -> tuple[str, ...]:
    """Return values that change when the files of a model change, to tell when a loaded model is stale.

    Raises:
        MoueError: as `locate`.
    """
    onnx = locate(name_or_path)
    try:
        # The description holds the model's checksum; the file times show that only the model file was replaced.
        described = hashlib.sha256(description_of(onnx).read_bytes()).hexdigest()
        state = onnx.stat()
    except OSError as error:
        raise MoueError(f"cannot read {onnx}: {error.strerror}", "a readable file", FIX) from error
    numbers = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)
    return (str(onnx.resolve()), described, *map(str, numbers))
