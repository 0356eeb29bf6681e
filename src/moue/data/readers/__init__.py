"""The kinds of data that can be read: one file each, found by its name.

A reader's file has a constant `READER`. A new kind of data is a new file here; nothing else has to be edited.
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
    """Return all readers, in the order in which they are asked.

    Raises:
        MoueError: two have one name.
    """
    modules = (importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__))
    found: list[Reader] = [module.READER for module in modules if hasattr(module, "READER")]
    names = [reader.name for reader in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise MoueError(f"two readers are called {', '.join(sorted(twice))}", "names of their own")
    return tuple(sorted(found, key=lambda reader: (reader.order, reader.name)))


def find_reader(path: Path) -> Reader:
    """Return the first reader that knows what `path` holds.

    Raises:
        MoueError: none does; the message lists what can be read.
    """
    for reader in readers():
        if reader.recognises(path):
            return reader
    kinds = "; ".join(reader.reads for reader in readers())
    raise MoueError(f"{path} holds no data that moue reads", kinds, "`moue data get` tells you where FER2013 is.")
