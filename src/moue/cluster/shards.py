"""The files that a run writes: one per shard, each either complete or absent."""

from __future__ import annotations

import dataclasses
import re
import uuid
from typing import TYPE_CHECKING, Any, Final

from moue.output.formats import formats
from moue.recognition.rows import columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.cluster.place import Place
    from moue.recognition.image_result import ImageResult

_WHOLE_NUMBERS: Final = ("width", "height", "num_faces", "face", "frame", "track_id")
_TEXTS: Final = ("file", "status", "detector", "emotion", "message")


@dataclasses.dataclass(frozen=True)
class Shards:
    """A folder of shards; it can be sent to other nodes.

    A shard is written under a temporary name and then moved. If two nodes write the same shard, because one of them
    was thought to be lost, both write the same rows under the same name.

    Attributes:
        place: The folder.
        format: "parquet" or "csv".
        class_names: The classes, in order.
    """

    place: Place
    format: str
    class_names: tuple[str, ...]

    def write(self, number: int, results: Sequence[ImageResult]) -> None:
        """Write the results of a shard, replacing it if it exists."""
        name = f"part-{number:06d}.{self.format}"
        filesystem, temporary = self.place.filesystem, self.place.file(f".{name}-{uuid.uuid4().hex}.tmp")
        content = self._parquet(results) if self.format == "parquet" else self._csv(results)
        with filesystem.open_output_stream(temporary, compression=None) as file:
            file.write(content)
        filesystem.move(temporary, self.place.file(name))

    def done(self) -> set[int]:
        """Return the numbers of the shards that exist."""
        matches = (re.fullmatch(rf"part-(\d+)\.{self.format}", name) for name in self.files())
        return {int(match[1]) for match in matches if match}

    def files(self) -> list[str]:
        """Return the names of everything in the folder."""
        from pyarrow.fs import FileSelector

        return [entry.base_name for entry in self.place.filesystem.get_file_info(FileSelector(self.place.path))]

    def foreign_files(self) -> list[str]:
        """Return the names of files that no run has written."""
        return [name for name in self.files() if not re.fullmatch(r"\.?part-\d+\.(parquet|csv)(-\w+\.tmp)?", name)]

    def clear(self, *, all_of_them: bool) -> None:
        """Remove the temporary files of killed nodes, or all shards."""
        for name in set(self.files()) - set(self.foreign_files()):
            if all_of_them or name.startswith("."):
                self.place.filesystem.delete_file(self.place.file(name))

    def _csv(self, results: Sequence[ImageResult]) -> bytes:
        table = formats()["csv"]
        lines = (table.result(result, self.class_names, number == 0) for number, result in enumerate(results))
        return "".join((table.begin(self.class_names), *lines, table.end)).encode("utf-8", "backslashreplace")

    def _parquet(self, results: Sequence[ImageResult]) -> Any:  # noqa: ANN401 (PyArrow's buffer)
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = [
            {name: _storable(value) for name, value in row.items()}
            for result in results
            for row in result.to_rows(self.class_names)
        ]
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows, schema=self._schema()), sink, compression="zstd")
        return sink.getvalue()

    def _schema(self) -> Any:  # noqa: ANN401 (PyArrow's)
        import pyarrow as pa

        kinds = dict.fromkeys(_WHOLE_NUMBERS, pa.int32()) | dict.fromkeys(_TEXTS, pa.string()) | {"unsure": pa.bool_()}
        return pa.schema([(name, kinds.get(name, pa.float64())) for name in columns(self.class_names)])


def _storable(value: object) -> object:
    """Return a cell; a name that is not Unicode is escaped as in CSV files."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if isinstance(value, str) else value
