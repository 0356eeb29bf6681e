"""CPU time and memory of `moue cluster predict` for growing numbers of small images.

Run: python benchmarks/cluster_cost.py [NUMBER ...] [--detector NAME]    (1000 and 10000 by default; Linux only)

The images are hard links to 500 drawn ones (48 x 48 pixels, every 50th damaged). Each run starts its own Ray on this
machine, with one actor. CPU time is reliable on a busy machine too; wall time is not. Memory is the largest sum of the
private memory of the processes of a kind, sampled every second; the object store is what they share.
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

import pyarrow.dataset as pads

from cluster import MOUE, descendants, draw

DRAWN = 500
KINDS: Final = (("actor", b"ray::MapWorker"), ("workers", b"ray::"))
TICKS = os.sysconf("SC_CLK_TCK")


class Watch:
    """Tracks the CPU time and memory of a command's processes."""

    def __init__(self, command: int) -> None:
        self._command = command
        self._cpu: dict[int, tuple[str, float]] = {}
        self.peak_mb: dict[str, float] = {}

    def sample(self) -> None:
        """Sample all running processes."""
        now: dict[str, float] = defaultdict(float)
        for pid in (self._command, *descendants(self._command)):
            try:
                kind = "command" if pid == self._command else self._kind(pid)
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
                own, store = (int(status[name].split()[0]) / 1024 for name in ("RssAnon", "RssShmem"))
            except (OSError, KeyError, IndexError):  # it has ended
                continue
            self._cpu[pid] = (kind, (int(fields[11]) + int(fields[12])) / TICKS)
            now[kind] += own
            now["all"] += own
            now["store"] = max(now["store"], store)
        for kind, mb in now.items():
            self.peak_mb[kind] = max(mb, self.peak_mb.get(kind, 0.0))

    def cpu_s(self) -> dict[str, float]:
        """Return the CPU seconds of each kind of process, and their sum."""
        total: dict[str, float] = defaultdict(float)
        for kind, seconds in self._cpu.values():
            total[kind] += seconds
            total["all"] += seconds
        return total

    @staticmethod
    def _kind(pid: int) -> str:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        return next((kind for kind, part in KINDS if part in line), "others")


def link(drawn: Path, folder: Path, number: int) -> None:
    """Fill a folder with hard links to the drawn images."""
    folder.mkdir()
    files = sorted(drawn.iterdir())
    for index in range(number):
        (folder / f"{index:07d}.png").hardlink_to(files[index % len(files)])


def run(folder: Path, number: int, detector: str) -> tuple[float, Watch]:
    """Classify `number` images; return the wall seconds and the resources used."""
    out = folder / f"{number}.parquet"
    words = ("--address", "local", "--actors", "1", "--detector", detector, "--output", str(out))
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(16)}
    began = time.monotonic()
    with (folder / "log").open("w") as log:
        command = (*MOUE, "cluster", "predict", str(folder / str(number)), *words)
        process = subprocess.Popen(command, env={**os.environ, **token}, stdout=log, stderr=log)
        watch = Watch(process.pid)
        while process.poll() is None:
            watch.sample()
            time.sleep(1)
    if process.returncode:
        raise SystemExit((folder / "log").read_text())
    files = set(pads.dataset(out).to_table(columns=["file"])["file"].to_pylist())
    if len(files) != number:
        raise SystemExit(f"{len(files)} of {number} images have rows")
    return time.monotonic() - began, watch


def main() -> None:
    """Run each number of images and print its cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("numbers", type=int, nargs="*", default=[1000, 10_000])
    parser.add_argument("--detector", default="own")
    chosen = parser.parse_args()
    before: tuple[int, float] | None = None
    with tempfile.TemporaryDirectory(prefix="mouec") as name:
        folder = Path(name)
        draw(folder / "drawn", DRAWN)
        for number in chosen.numbers:
            link(folder / "drawn", folder / str(number), number)
            clock, watch = run(folder, number, chosen.detector)
            used = watch.cpu_s()
            print(f"{number:,} images: {clock:.0f} s by the clock, load average {os.getloadavg()[0]:.1f}")
            print("  CPU seconds:", ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in sorted(used.items())))
            print("  peak MB:", ", ".join(f"{kind} {mb:.0f}" for kind, mb in sorted(watch.peak_mb.items())))
            if before:
                per_image = (used["all"] - before[1]) / (number - before[0])
                print(f"  {1e3 * per_image:.2f} ms of CPU for each additional image")
            sys.stdout.flush()
            before = (number, used["all"])


if __name__ == "__main__":
    main()
