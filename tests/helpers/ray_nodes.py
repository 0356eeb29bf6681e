"""Two nodes of Ray on this machine, as `benchmarks/cluster.py` starts them."""

from __future__ import annotations

import contextlib
import importlib.util
import tempfile
from pathlib import Path

_SPEC = importlib.util.spec_from_file_location("cluster", Path(__file__).parents[2] / "benchmarks" / "cluster.py")
_benchmark = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_benchmark)
descendants, wait_until = _benchmark.descendants, _benchmark.wait_until


@contextlib.contextmanager
def two_nodes(environment):
    """Start two nodes of one CPU; yields the address and the second node. All their processes end with the block."""
    # A short name, since paths of sockets have a length limit.
    with tempfile.TemporaryDirectory(prefix="moue-") as folder, contextlib.ExitStack() as stack:
        yield _benchmark.cluster(Path(folder), environment, stack)


def processes_named(name, parent):
    """Return the ids of the descendants of `parent` whose command line contains `name` (Linux)."""
    found = []
    for pid in descendants(parent.pid):
        with contextlib.suppress(OSError):
            if name.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found
