"""Parquet: the same rows as CSV, with types, for data frames and databases; needs PyArrow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moue.errors import MissingExtraError
from moue.output.formats.registry import TableFormat
from moue.recognition.rows import FLAGS, INTEGERS, TEXTS, columns

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from moue.output.formats.registry import Result

_ROWS_AT_ONCE: Final = 10_000  # one row group, which is kept in memory
_TYPES: Final = {**dict.fromkeys(TEXTS, "string"), **dict.fromkeys(INTEGERS, "int64"), **dict.fromkeys(FLAGS, "bool")}


class _ParquetWriter:
    def __init__(self, path: Path, class_names: Sequence[str]) -> None:
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError as error:
            raise MissingExtraError("pyarrow", "parquet") from error
        self._class_names = tuple(class_names)
        types = {name: _TYPES.get(name, "float64") for name in columns(class_names)}
        self._schema = pa.schema([(name, pa.type_for_alias(alias)) for name, alias in types.items()])
        self._table = pa.Table
        self._file: Any = pq.ParquetWriter(str(path), self._schema)
        self._rows: list[dict[str, Any]] = []

    def write(self, result: Result) -> None:
        for row in result.to_rows(self._class_names):
            # Parquet stores only Unicode, and a file name may not be Unicode.
            name = row["file"].encode("utf-8", "backslashreplace").decode("utf-8")
            self._rows.append({**row, "file": name})
        if len(self._rows) >= _ROWS_AT_ONCE:
            self._flush()

    def close(self, *, whole: bool) -> None:
        try:
            if whole:
                self._flush()
        finally:
            self._file.close()

    def _flush(self) -> None:
        if self._rows:
            self._file.write_table(self._table.from_pylist(self._rows, schema=self._schema))
            self._rows = []


FORMATS: Final = (TableFormat("parquet", ".parquet", by_line=False, open=_ParquetWriter),)
