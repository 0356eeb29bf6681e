"""Whether the model files in the package match their descriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.classifier.locate import WEIGHTS
from moue.doctor.findings import Finding, Level
from moue.errors import MoueError
from moue.files import read_json, sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from moue.doctor.patient import Patient

_FIX: Final = "Install moue again: pip install --force-reinstall --no-deps moue"


def check(_patient: Patient, folder: Path = WEIGHTS) -> Iterator[Finding]:
    """Compare the SHA-256 of each ONNX file with the one in the JSON file beside it."""
    sound, files = [], sorted(folder.rglob("*.onnx"))
    for file in files:
        problem = _problem(file)
        if problem:
            yield Finding("models", Level.PROBLEM, problem, _FIX, {"file": str(file)})
        else:
            sound.append(file.relative_to(folder).with_suffix("").as_posix())
    if not files:
        yield Finding("models", Level.PROBLEM, f"{folder} holds no model", _FIX)
    elif sound:
        text = f"{', '.join(sound)}: SHA-256 correct"
        yield Finding("models", Level.OK, text, values={"sound": sound})


def _problem(file: Path) -> str:
    try:
        content = read_json(file.with_suffix(".json"))
        stated = content.get("onnx_sha256") or content.get("sha256")
        found = sha256_of(file)
    except (MoueError, OSError, AttributeError) as error:
        return f"{file.name}: {str(error).splitlines()[0]}"
    if not file.with_suffix(".md").is_file():
        return f"{file.with_suffix('.md').name}, the card of {file.name}, is missing"
    if found != stated:
        return f"{file.name} is damaged: SHA-256 {found[:12]}…, its JSON file says {str(stated)[:12]}…"
    return ""
