"""Where a shipped weight file comes from and under which terms: a record beside it, for people and programs.

`docs/use.md` describes the fields. `scripts/provenance.py` writes the records from the descriptions of the files.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Final

from moue.classifier.locate import WEIGHTS
from moue.errors import MoueError
from moue.files import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FORMAT: Final = "moue-provenance"
VERSION: Final = 2
SUFFIX: Final = ".provenance.json"
_FIX: Final = "Install moue again."


@dataclasses.dataclass(frozen=True)
class Source:
    """One data set behind a weight file.

    Attributes:
        name: What it is.
        origin: Where it was published.
        use: What it was used for.
        licence: Its terms, as far as known; "unresolved" where nobody can say.
        checksum: What identifies the exact data, or empty.
    """

    name: str
    origin: str
    use: str
    licence: str
    checksum: str = ""


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The record of one weight file.

    Attributes:
        file: Name of the weight file beside the record.
        sha256: Its SHA-256, 64 hexadecimal digits.
        purpose: What it does, in one line.
        licence: Terms by part: "code", "weights".
        made_by: How it was made: "commands", all of them in order, and what else is known.
        data: The data sets it was made from.
        third_party_weights: Weights of other projects in the file; empty if there are none.
        not_for: What it must not or should not be used for.
    """

    file: str
    sha256: str
    purpose: str
    licence: dict[str, str]
    made_by: dict[str, Any]
    data: tuple[Source, ...]
    third_party_weights: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON values."""
        return {"format": FORMAT, "version": VERSION, **dataclasses.asdict(self)}


def list_records() -> dict[str, Path]:
    """Return the records that ship with moue, by the name of their weight file without suffix."""
    return {path.name.removesuffix(SUFFIX): path for path in sorted(WEIGHTS.rglob(f"*{SUFFIX}"))}


def read_record(path: Path) -> Provenance:
    """Read a record.

    Raises:
        MoueError: it cannot be read, or lacks a field.
    """
    content = read_json(path)
    if not isinstance(content, dict) or (content.get("format"), content.get("version")) != (FORMAT, VERSION):
        raise MoueError(f"{path} is not a record of this version", f"{FORMAT} {VERSION}", _FIX)
    try:
        return _record(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise MoueError(f"{path} lacks a field: {error!r}", "a record as docs/use.md describes it", _FIX) from error


def _record(content: Mapping[str, Any]) -> Provenance:
    return Provenance(
        file=str(content["file"]),
        sha256=str(content["sha256"]),
        purpose=str(content["purpose"]),
        licence={str(key): str(value) for key, value in content["licence"].items()},
        made_by=dict(content["made_by"]),
        data=tuple(Source(**source) for source in content["data"]),
        third_party_weights=tuple(map(str, content["third_party_weights"])),
        not_for=tuple(map(str, content["not_for"])),
    )
