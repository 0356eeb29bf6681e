"""The lines of a FER2013 table, from a plain, gzipped, zipped or tarred CSV file, as bytes."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SUFFIXES: Final = (".csv", ".csv.gz", ".zip", ".tar.gz", ".tgz")
_BOM: Final = b"\xef\xbb\xbf"
# A row of 2,304 numbers of three digits has about 9.2 kB; a longer line is not of this format.
MAX_LINE: Final = 1 << 16
_BROKEN: Final = (EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, lzma.LZMAError)


@contextlib.contextmanager
def open_table(path: Path, on_bytes: Callable[[int], None] | None = None) -> Iterator[Iterator[bytes]]:
    """Open a table and yield its lines without line ends, byte order mark removed.

    Args:
        path: `.csv`, `.csv.gz`, or a `.zip`/`.tar.gz` that holds exactly one CSV file.
        on_bytes: Called now and then with the number of bytes read of the file on disk.

    Raises:
        MoueError: the file is missing, a folder, empty, damaged, or an archive without exactly one CSV file.
    """
    try:
        with contextlib.ExitStack() as stack:
            raw = stack.enter_context(path.open("rb"))
            yield _lines(_unpacked(path, raw, stack), path, raw, on_bytes)
    except OSError as error:
        raise MoueError(
            f"cannot read {path}: {error.strerror or error}",
            "fer2013.csv or an archive of it",
            "`moue data get` says where the file is to be had.",
        ) from error
    except _BROKEN as error:
        raise MoueError(f"{path} is damaged: {error}", "a whole file", "Download it again.") from error


def _unpacked(path: Path, raw: IO[bytes], stack: contextlib.ExitStack) -> IO[bytes]:
    name = path.name.lower()
    if name.endswith((".tar.gz", ".tgz")):
        archive = stack.enter_context(tarfile.open(fileobj=raw, mode="r:gz"))  # noqa: SIM115
        members = {member.name: member for member in archive if member.isfile()}
        return stack.enter_context(cast("IO[bytes]", archive.extractfile(members[_only_csv(path, list(members))])))
    if name.endswith(".gz"):
        return stack.enter_context(cast("IO[bytes]", gzip.open(raw)))
    if name.endswith(".zip"):
        zipped = stack.enter_context(zipfile.ZipFile(raw))
        return stack.enter_context(zipped.open(_only_csv(path, zipped.namelist())))
    return raw


def _only_csv(path: Path, names: list[str]) -> str:
    tables = [name for name in names if name.lower().endswith(".csv") and not name.startswith("__MACOSX")]
    if len(tables) == 1:
        return tables[0]
    # Kaggle's archive of the challenge holds several tables; the whole data set is in the one of this name.
    whole = [name for name in tables if Path(name).name == "icml_face_data.csv"]
    if len(whole) == 1:
        return whole[0]
    listed = ", ".join(tables[:5]) or "none"
    raise MoueError(f"{path} holds {len(tables)} CSV files: {listed}", "exactly one", "Unpack it and name the file.")


def _lines(file: IO[bytes], path: Path, raw: IO[bytes], on_bytes: Callable[[int], None] | None) -> Iterator[bytes]:
    buffered = io.BufferedReader(cast("io.RawIOBase", file), 1 << 20)
    first = True
    number = 0
    while line := buffered.readline(MAX_LINE):
        if len(line) == MAX_LINE:
            raise MoueError(
                f"{path} line {number + 1} is longer than {MAX_LINE:,} bytes",
                "rows of 2,304 pixels",
                "Is it a CSV file?",
            )
        if first:
            line = line.removeprefix(_BOM)
            first = False
        number += 1
        if on_bytes is not None and number % 256 == 0:
            on_bytes(raw.tell())
        yield line.rstrip(b"\r\n")
