"""The files of a run, in a fixed order, and how they are divided into shards."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from moue.errors import MoueError
from moue.media.files import is_litter
from moue.media.listing import SUFFIXES, VIDEO_SUFFIXES, LeftOut, find_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from moue.cluster.place import Place


@dataclasses.dataclass(frozen=True)
class Listing:
    """Images and videos below a folder.

    Attributes:
        names: Their paths below the folder, as bytes, since a file name need not be valid text.
        sizes: Their sizes in bytes; 0 where that is unknown.
        parts: The number of parts of each: 0 for an image, 1 or more for a video.
    """

    names: Sequence[bytes]
    sizes: Sequence[int]
    parts: Sequence[int]

    def is_video(self, position: int) -> bool:
        """Return whether a file is a video, by its suffix."""
        return PurePosixPath(os.fsdecode(self.names[position])).suffix.lower() in VIDEO_SUFFIXES

    def write(self, filesystem: Any, path: str) -> None:  # noqa: ANN401 (PyArrow's)
        """Write the listing to an Arrow file."""
        import pyarrow as pa

        table = pa.table({
            "name": pa.array(self.names, pa.large_binary()),
            "size": pa.array(self.sizes, pa.int64()),
            "parts": pa.array(self.parts, pa.int32()),
        })  # fmt: skip
        with (
            filesystem.open_output_stream(path, compression=None) as file,
            pa.ipc.new_file(file, table.schema) as writer,
        ):
            writer.write_table(table, max_chunksize=100_000)

    @classmethod
    def read(cls, filesystem: Any, path: str) -> Listing:  # noqa: ANN401 (PyArrow's)
        """Read what `write` stored.

        Raises:
            MoueError: the file cannot be read.
        """
        import pyarrow as pa

        try:
            with filesystem.open_input_file(path) as file, pa.ipc.open_file(file) as reader:
                table = reader.read_all()
            return cls(*(table[name].to_pylist() for name in ("name", "size", "parts")))
        except (OSError, ValueError, KeyError) as error:
            fix = "Add --overwrite to start over."
            raise MoueError(f"the list of files {path} cannot be read: {error}", "what moue wrote", fix) from error


def list_images(place: Place, *, recursive: bool) -> tuple[Listing, LeftOut]:
    """List the images and videos of a folder, and what was left out.

    A path is listed as by `moue predict`. At an address, files with an unknown suffix are left out, because looking
    into each would be a request.

    Args:
        place: The folder.
        recursive: Also search subfolders.

    Raises:
        MoueError: the folder cannot be listed, or holds no image or video.
    """
    left_out = LeftOut()
    found = _on_disk(place, left_out, recursive) if place.is_local else _at_address(place, left_out, recursive)
    if not found:
        raise MoueError(
            f"{place.shown} holds no images or videos",
            "a folder with at least one",
            "Name another folder, or add --recursive to search subfolders.",
        )
    listing = Listing([name for name, _ in found], [size for _, size in found], [0] * len(found))
    parts = [int(listing.is_video(position)) for position in range(len(found))]
    return dataclasses.replace(listing, parts=parts), left_out


class Shard(NamedTuple):
    """What one actor processes at a time: some images, or a part of a video.

    Attributes:
        first: Position of the first file.
        end: Position after the last file.
        part: The part of a video, from 0; -1 for images.
    """

    first: int
    end: int
    part: int = -1


def shards_of(sizes: Sequence[int], parts: Sequence[int], max_files: int, max_bytes: int) -> list[Shard]:
    """Divide a listing into shards; the same sizes and parts always give the same shards.

    Args:
        sizes: How many bytes of each file will be read.
        parts: As in `Listing`.
        max_files: Maximum number of images in a shard.
        max_bytes: Maximum size of a shard of several images; a whole shard is kept in memory.
    """
    shards: list[Shard] = []
    start = held = 0
    for position, (size, num_parts) in enumerate(zip(sizes, parts, strict=True)):
        if position > start and (num_parts or position - start >= max_files or held + size > max_bytes):
            shards.append(Shard(start, position))
            start, held = position, 0
        if num_parts:
            shards += [Shard(position, position + 1, part) for part in range(num_parts)]
            start = position + 1
        else:
            held += size
    if len(sizes) > start:
        shards.append(Shard(start, len(sizes)))
    return shards


def _on_disk(place: Place, left_out: LeftOut, recursive: bool) -> list[tuple[bytes, int]]:
    if not Path(place.path).is_dir():
        raise MoueError(f"{place.shown} is not a folder", "a folder of images", "For single files, use moue predict.")
    paths = find_images([place.path], recursive=recursive, videos=True, left_out=left_out)
    return [(os.fsencode(os.path.relpath(path, place.path)), _size(Path(path))) for path in paths]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # reading it will report the error


def _at_address(place: Place, left_out: LeftOut, recursive: bool) -> list[tuple[bytes, int]]:
    from pyarrow.fs import FileSelector, FileType

    try:
        entries = place.filesystem.get_file_info(FileSelector(place.path, recursive=recursive))
    except (OSError, UnicodeError) as error:
        raise MoueError(
            f"cannot list {place.shown}: {str(error).splitlines()[0]}",
            "a folder that exists and that you may list, with names in UTF-8",
            "Check the address and the credentials.",
        ) from error
    found = []
    for entry in entries:
        name = entry.path.removeprefix(place.path).lstrip("/")
        if entry.type == FileType.Directory:
            left_out.folders += [] if recursive else [Path(name)]
        elif is_litter(name):
            left_out.litter.append(Path(name))
        elif PurePosixPath(name).suffix.lower() in SUFFIXES | VIDEO_SUFFIXES:
            found.append((os.fsencode(name), entry.size or 0))
        else:
            left_out.others.append(Path(name))
    return sorted(found)
