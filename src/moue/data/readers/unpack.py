"""The bytes of a table, from a plain or packed file; the content determines the format, never the suffix."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import stat
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from moue.errors import MoueError
from moue.media.files import is_litter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BROKEN: Final = (
    EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, NotImplementedError,
)  # fmt: skip
"""What the standard library raises for damaged archives."""

_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_PACKED: Final[dict[bytes, Callable[[IO[bytes]], IO[bytes]]]] = {
    b"\x1f\x8b": lambda raw: cast("IO[bytes]", gzip.GzipFile(fileobj=raw)),
    b"BZh": lambda raw: cast("IO[bytes]", bz2.BZ2File(raw)),
    b"\xfd7zXZ\0": lambda raw: cast("IO[bytes]", lzma.LZMAFile(raw)),  # noqa: SIM115 (the caller closes it)
}
_TAR_MAGIC: Final = slice(257, 262)
# Kaggle's archive of the challenge holds several tables; the one with this name has the whole data set.
_WHOLE: Final = "icml_face_data.csv"
_CHUNK: Final = 1 << 20
_MAX_PIPED: Final = 4 << 30  # bytes


@contextlib.contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file, or a pipe such as ``/dev/stdin`` or ``<(command)``.

    Raises:
        MoueError: it is missing, a folder, a device, or a named pipe that nobody may ever write to.
    """
    try:
        kind = path.stat().st_mode
        if stat.S_ISREG(kind):
            with path.open("rb") as file:
                yield file
            return
        if not (stat.S_ISFIFO(kind) and path.resolve().is_relative_to("/proc")):
            what = "a folder" if stat.S_ISDIR(kind) else "a device or pipe"
            raise MoueError(f"{path} is {what}", "a regular file", "Write the data to a file first.")
        with path.open("rb") as pipe, _spooled(pipe, path) as file:
            yield file
    except OSError as error:
        raise MoueError(
            f"cannot read {path}: {error.strerror or error}",
            "a table such as fer2013.csv, an archive of it, or a folder of images",
            "Check the name. `moue data get` tells you where FER2013 is.",
        ) from error


@contextlib.contextmanager
def _spooled(pipe: IO[bytes], path: Path) -> Iterator[IO[bytes]]:
    """Copy a pipe into a temporary file, since reading archives requires seeking."""
    with tempfile.TemporaryFile() as file:
        while chunk := pipe.read(_CHUNK):
            if file.tell() > _MAX_PIPED:
                raise MoueError(f"{path} gives more than {_MAX_PIPED:,} bytes", "fer2013.csv")
            file.write(chunk)
        file.seek(0)
        yield cast("IO[bytes]", file)


@contextlib.contextmanager
def table_stream(path: Path, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    """Yield the unpacked bytes of the table in `raw`: plain, gz, bz2, xz, zip, or a plain or packed tar.

    The caller must read to the end, so that checksums at the end are verified.

    Raises:
        MoueError: an archive without exactly one table, with a password, or packed in an unknown way.
    """
    with contextlib.ExitStack() as stack:
        head = _peek(raw)
        if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            yield stack.enter_context(_from_zip(path, raw, stack))
            return
        if head.startswith(_ZSTD):
            raise MoueError(f"{path} is packed with zstd", "csv, gz, bz2, xz, zip or tar", "Unpack it: zstd -d FILE")
        if head.startswith(b"PAR1"):
            fix = "Convert it: pandas.read_parquet(FILE).to_csv('fer2013.csv', index=False)"
            raise MoueError(f"{path} is a Parquet file", "a CSV file", fix)
        unpack = next((unpack for magic, unpack in _PACKED.items() if head.startswith(magic)), None)
        stream = raw if unpack is None else stack.enter_context(unpack(raw))
        if _peek(stream)[_TAR_MAGIC] == b"ustar":
            # Reading the whole archive for its names also verifies the checksum at the end of the compressed data.
            with tarfile.open(fileobj=stream, mode="r:") as archive:
                members = {member.name: member for member in archive if member.isfile()}
                _drain(stream)
                member = archive.extractfile(members[only_table(path, list(members))])
                yield stack.enter_context(cast("IO[bytes]", member))
            return
        yield stream


def _from_zip(path: Path, raw: IO[bytes], stack: contextlib.ExitStack) -> IO[bytes]:
    archive = stack.enter_context(zipfile.ZipFile(raw))
    try:
        return archive.open(only_table(path, archive.namelist()))
    except RuntimeError as error:  # zipfile raises it for a password
        raise MoueError(f"{path} cannot be unpacked: {error}", "an archive without a password", "Unpack it.") from error


def only_table(path: Path, names: list[str]) -> str:
    """Return the only table among the names in an archive.

    Raises:
        MoueError: there is none, or there are several.
    """
    tables = [name for name in names if name.lower().endswith(".csv") and not is_litter(name)]
    whole = [name for name in tables if Path(name).name == _WHOLE]
    for found in (tables, whole):
        if len(found) == 1:
            return found[0]
    listed = ", ".join(tables[:5]) or "none"
    raise MoueError(f"{path} holds {len(tables)} CSV files: {listed}", "exactly one", "Unpack it and name the file.")


def _peek(stream: IO[bytes]) -> bytes:
    head = stream.read(512)
    stream.seek(0)
    return head


def _drain(stream: IO[bytes]) -> None:
    stream.seek(0)
    while stream.read(_CHUNK):
        pass
