"""JSON: one object with `format`, `version`, `class_names` and the list `results`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from moue.output.formats.registry import TableFormat
from moue.recognition.image_result import FORMAT, VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.output.formats.registry import Result


def _begin(class_names: Sequence[str]) -> str:
    head = {"format": FORMAT, "version": VERSION, "class_names": list(class_names)}
    return json.dumps(head, ensure_ascii=False)[:-1] + ', "results": ['


def _result(result: Result, _class_names: Sequence[str], first: bool) -> str:
    text = json.dumps(result.to_dict(), ensure_ascii=False, allow_nan=False)
    return ("\n" if first else ",\n") + text


FORMATS: Final = (TableFormat("json", ".json", _begin, _result, end="\n]}\n", by_line=False),)
