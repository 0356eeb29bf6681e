"""JSON Lines: one object per line, the result of an image or frame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from moue.output.formats.registry import TableFormat

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.output.formats.registry import Result


def _result(result: Result, _class_names: Sequence[str], _first: bool) -> str:
    return json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False) + "\n"


FORMATS: Final = (TableFormat("jsonl", ".jsonl", lambda _names: "", _result),)
