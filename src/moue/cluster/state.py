"""The state kept beside an unfinished output, so that the next run can resume it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from moue.cluster.listing import Listing
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moue.cluster.shards import Shards

_SETTINGS: Final = "settings.json"
_LISTING: Final = "files.arrow"


class RunState:
    """The folder ``NAME.part`` beside the shards: the settings of the run and its list of files.

    The settings are written last and removed first, so they exist only while an output is started and not finished.

    Args:
        shards: The output.
        settings: What the rows and the shards depend on, as JSON values.
    """

    def __init__(self, shards: Shards, settings: Mapping[str, Any]) -> None:
        self._shards, self._settings = shards, json.loads(json.dumps(settings))
        self.place = shards.place.beside(".part")
        self._filesystem = self.place.filesystem

    def resume(self, *, overwrite: bool) -> Listing | None:
        """Return the list of files of the interrupted run that is to be resumed; None if a new run starts.

        A run that has not written a shard starts over, with a new list.

        Raises:
            MoueError: the output is finished or was started with other settings, and `overwrite` is false; or it holds
                files that moue did not write.
        """
        before = self._before()
        if before == self._settings:
            return Listing.read(self._filesystem, self.place.file(_LISTING)) if self._shards.done() else None
        out = self._shards.place
        if before is not None and not overwrite:
            raise MoueError(
                f"{out.shown} was started with other settings ({_differences(before, self._settings)})",
                "the same input, model, detector and options",
                "Run the same command as before, or add --overwrite to start over.",
            )
        if not out.exists():
            return None
        foreign = self._shards.foreign_files()
        if foreign:
            raise MoueError(f"{out.shown} holds other files, such as {foreign[0]}", "a new folder", "Choose another.")
        if before is None and not overwrite and self._shards.files():
            raise MoueError(f"{out.shown} already exists", "a new name", "Choose another name, or use --overwrite.")
        return None

    def begin(self, listing: Listing) -> None:
        """Store the list and the settings of a new run, and remove the shards of an earlier one."""
        self.finish()
        for place in (self._shards.place, self.place):
            self._filesystem.create_dir(place.path, recursive=True)
        self._shards.clear(all_of_them=True)
        listing.write(self._filesystem, self.place.file(_LISTING))
        with self._filesystem.open_output_stream(self.place.file(_SETTINGS), compression=None) as file:
            file.write(json.dumps(self._settings, indent=2).encode())

    def is_seen(self) -> bool:
        """Return whether this node sees the folder; otherwise it would write to its own disk."""
        from pyarrow.fs import FileType

        return bool(self._filesystem.get_file_info(self.place.file(_SETTINGS)).type == FileType.File)

    def finish(self) -> None:
        """Remove the folder: the output is complete."""
        if self.is_seen():
            self._filesystem.delete_file(self.place.file(_SETTINGS))
        if self.place.exists():
            self._filesystem.delete_dir(self.place.path)

    def _before(self) -> dict[str, Any] | None:
        if not self.is_seen():
            return None
        try:
            with self._filesystem.open_input_file(self.place.file(_SETTINGS)) as file:
                content = json.loads(file.read())
        except (OSError, ValueError):
            content = None
        return content if isinstance(content, dict) else {}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    return ", ".join(name for name in now if before.get(name) != now[name]) or "an older version"
