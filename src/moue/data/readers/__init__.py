"""The kinds of data that can be read, one file each.

Each file has a constant `READER`. A new kind of data is a new file here; nothing else has to be edited.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

from moue.errors import MoueError

if TYPE_CHECKING:
    from pathlib import Path

    from moue.data.readers.reader import Reader


@functools.cache
def readers() -> tuple[Reader, ...]:
    """Return all readers, in the order in which they are tried.

    Raises:
        MoueError: two readers have the same name.
    """
    modules = (importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__))
    registered: list[Reader] = [module.READER for module in modules if hasattr(module, "READER")]
    names = [reader.name for reader in registered]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise MoueError(f"two readers are called {', '.join(sorted(duplicates))}", "names of their own")
    return tuple(sorted(registered, key=lambda reader: (reader.order, reader.name)))


def find_reader(path: Path) -> Reader:
    """Return the first reader that recognises `path`.

    Raises:
        MoueError: none does; the message lists the kinds of data that can be read.
    """
    for reader in readers():
        if reader.recognises(path):
            return reader
    kinds = "; ".join(reader.reads for reader in readers())
    raise MoueError(f"{path} holds no data that moue reads", kinds, "`moue data get` tells you where FER2013 is.")
