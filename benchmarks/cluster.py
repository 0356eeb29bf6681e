"""Check that no rows are lost when a node of a cluster, or the process that started a run, is killed.

Run: python benchmarks/cluster.py [IMAGES]    (600 by default)

Starts a Ray cluster of two nodes on this machine (loopback, own ports, own folder, token authentication) and classifies
drawn images. Kills the second node (all its processes) when a quarter of the shards is written, kills the command with
SIGKILL at half, and runs the same command again. Every image must have its rows exactly once, and the rows must equal
those of `moue predict`. It only kills processes that it started, by their ids.
"""

from __future__ import annotations

import contextlib
import csv
import math
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARD = 25
NODE = ("--num-cpus", "1", "--block", "--disable-usage-stats", "--object-store-memory", "100000000")
MOUE = (sys.executable, "-m", "moue")
LIMIT_S = 300.0


def draw(folder: Path, number: int) -> None:
    """Draw images of 48 x 48 pixels; every 50th is damaged."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(number):
        path = folder / f"{index:06d}.png"
        if index % 50 == 49:
            path.write_bytes(b"damaged")
            continue
        image = Image.fromarray(random.integers(60, 200, (48, 48), dtype=np.uint8))
        pen = ImageDraw.Draw(image)
        pen.ellipse((6, 2, 42, 46), fill=int(random.integers(120, 220)))
        pen.arc((14, 24, 34, 40), int(random.integers(0, 60)), 180, fill=20, width=2)
        image.save(path)


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextlib.contextmanager
def node(*options: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a Ray node in its own session; it is killed at the end."""
    command = (str(Path(sys.executable).with_name("ray")), "start", *options, *NODE)
    quiet: Any = subprocess.DEVNULL
    process = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet, start_new_session=True)
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all of its descendants."""
    for pid in (process.pid, *descendants(process.pid)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> list[int]:
    """Return the ids of all descendants of a process (Linux)."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, ahead = [], [pid]
    while ahead:
        current = ahead.pop()
        children = [child for child, parent in parents.items() if parent == current]
        found += children
        ahead += children
    return found


def wait_until(happened: Any, what: str) -> None:
    """Wait until `happened()` is true, at most `LIMIT_S` seconds."""
    end = time.monotonic() + LIMIT_S
    while not happened():
        if time.monotonic() > end:
            raise SystemExit(f"gave up waiting for {what}")
        time.sleep(0.1)


def rows_of(*files: Path) -> list[dict[str, str]]:
    """Return the rows of CSV files."""
    return [row for file in files for row in csv.DictReader(file.open(encoding="utf-8"))]


def largest_difference(one: list[dict[str, str]], other: list[dict[str, str]]) -> float:
    """Return the largest difference between numbers; infinite if texts differ or rows are missing."""
    most = 0.0 if len(one) == len(other) else math.inf
    first, second = (sorted(rows, key=lambda row: (row["file"], row["face"])) for rows in (one, other))
    for left, right in zip(first, second, strict=False):
        for name, text in left.items():
            if text != right[name]:
                numeric = name.startswith(("prob_", "conf", "face_", "x", "y"))
                most = max(most, abs(float(text) - float(right[name])) if numeric else math.inf)
    return most


def cluster(
    folder: Path, environment: dict[str, str], stack: contextlib.ExitStack
) -> tuple[str, subprocess.Popen[bytes]]:
    """Start two nodes; return the address and the second node."""
    host, port = "127.0.0.1", free_port()
    place = ("--node-ip-address", host)
    head = ("--head", "--port", str(port), "--temp-dir", f"{folder}/ray", "--include-dashboard", "false", *place)
    stack.enter_context(node(*head, environment=environment))

    def accepts() -> bool:
        with socket.socket() as client:
            return client.connect_ex((host, port)) == 0

    wait_until(accepts, "the head")
    time.sleep(3)
    second = stack.enter_context(node("--address", f"{host}:{port}", *place, environment=environment))
    time.sleep(8)
    return f"{host}:{port}", second


def report(folder: Path) -> None:
    """Compare the rows with those of ``moue predict``, and print the result."""
    command = (*MOUE, "predict", "in", "--output", "one.csv", "-q")
    quiet: Any = subprocess.DEVNULL
    subprocess.run(command, cwd=folder, stdout=quiet, stderr=quiet, check=True, timeout=LIMIT_S)
    actual, expected = rows_of(*sorted((folder / "out.csv").iterdir())), rows_of(folder / "one.csv")
    counts = Counter((row["file"], row["face"]) for row in actual)
    wanted = {str(Path("in") / path.name) for path in (folder / "in").iterdir()}
    print(f"images without a row: {len(wanted - {row['file'] for row in actual})}")
    print(f"duplicate rows: {sum(count > 1 for count in counts.values())}")
    print(f"largest difference from moue predict: {largest_difference(actual, expected):g}")


def main() -> None:
    """Start the cluster, kill and resume the run, and print the result."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    shards = math.ceil(number / SHARD)
    with tempfile.TemporaryDirectory(prefix="mouec") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        draw(folder / "in", number)
        environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
        address, second = cluster(folder, environment, stack)
        where = ("--address", address, "--output", "out.csv", "--shard-files", str(SHARD), "--actors", "2")
        command = (*MOUE, "cluster", "predict", "in", *where)
        began = time.monotonic()
        driver = stack.enter_context(subprocess.Popen(command, cwd=folder, env=environment))

        def written() -> int:
            return len(list((folder / "out.csv").glob("part-*.csv")))

        wait_until(lambda: written() >= shards // 4, "a quarter of the shards")
        at_node = written()
        kill(second)
        wait_until(lambda: written() >= shards // 2, "half of the shards")
        at_driver = written()
        driver.kill()
        driver.wait()
        first = time.monotonic() - began
        began = time.monotonic()
        subprocess.run(command, cwd=folder, env=environment, check=True, timeout=LIMIT_S)
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs")
        print(f"{number} images in {shards} shards; second node killed at {at_node}, the command at {at_driver}")
        print(f"{first:.0f} s until then, {time.monotonic() - began:.0f} s for the command that resumed")
        report(folder)


if __name__ == "__main__":
    main()
