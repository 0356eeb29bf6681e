"""A folder that every node reads or writes: a path that all of them have, or an address that PyArrow opens."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

from moue.errors import MissingExtraError, MoueError
from moue.media.urls import is_address, local_path, shown

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


@dataclasses.dataclass(frozen=True)
class Place:
    """A folder in a file system; it can be sent to other nodes.

    Attributes:
        filesystem: PyArrow's file system.
        path: The folder in it, without a slash at the end.
        shown: The folder as users see it: a path as typed, an address without its password.
        is_local: Whether it is a path and not an address.
    """

    filesystem: FileSystem
    path: str
    shown: str
    is_local: bool

    def beside(self, suffix: str) -> Place:
        """Return the folder with the same name and `suffix` appended."""
        return dataclasses.replace(self, path=self.path + suffix, shown=self.shown + suffix)

    def file(self, name: str) -> str:
        """Return the path of a file in the folder, as the file system takes it."""
        return f"{self.path}/{name}"

    def label(self, name: str) -> str:
        """Return how a file in the folder is shown; paths look as in `moue.predict.predict`."""
        return str(Path(self.shown) / name) if self.is_local else f"{self.shown}/{name}"

    def exists(self) -> bool:
        """Return whether this node sees the file or folder."""
        import pyarrow.fs

        kind = self.filesystem.get_file_info(self.path).type
        return bool(kind != pyarrow.fs.FileType.NotFound)


def place_of(named: str | os.PathLike[str]) -> Place:
    """Return the folder of a path or address, which need not exist.

    Raises:
        MissingExtraError: PyArrow is not installed.
        MoueError: the name is empty, or PyArrow cannot open the address.
    """
    try:
        import pyarrow.fs
    except ImportError as error:
        raise MissingExtraError("pyarrow", "cluster") from error
    text = os.fspath(named)
    if not text:
        raise MoueError("a folder has an empty name", "a folder or an address such as s3://bucket/folder")
    text = local_path(text) or text if is_address(text) else text
    if not is_address(text):
        path = os.path.abspath(text)  # noqa: PTH100 (Path.absolute keeps "..")
        return Place(pyarrow.fs.LocalFileSystem(), path, str(Path(text)), is_local=True)
    try:
        filesystem, path = pyarrow.fs.FileSystem.from_uri(text)
    except (OSError, ValueError, ImportError) as error:
        raise MoueError(
            f"cannot open {shown(text)}: {str(error).splitlines()[0]}",
            "an address that PyArrow opens, such as s3://bucket/folder, gs://bucket/folder or hdfs://host/folder",
            "See the page about pyarrow.fs for addresses and credentials.",
        ) from error
    path = path.rstrip("/")
    return Place(filesystem, path, f"{text.partition('://')[0]}://{path}", is_local=False)
