"""Many small files, some of them broken, in one run of `moue predict`: one row each in order, and constant memory.

Run: python benchmarks/many_files.py [--model RUN] --photos FOLDER [--count 10000] [--detector NAME]

Writes COUNT files to a temporary folder: faces drawn by moue, and small variants of the photos in FOLDER. Every 97th is
broken, in one of several ways. Memory is the process's peak so far, read from Linux's /proc.
"""

from __future__ import annotations

import argparse
import csv
import io
import os
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from moue.data.synthetic.dataset import synthesize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVERY = 97
MARKS = (0.1, 0.5, 1.0)
READABLE: Final = {"ok", "no_face"}
FORMATS: Final = ((".jpg", "JPEG"), (".png", "PNG"), (".webp", "WEBP"), (".bmp", "BMP"))


def make_images(folder: Path) -> Iterator[Image.Image]:
    """Yield small images endlessly: drawn faces, drawn faces on a larger background, and photos scaled and flipped.

    Args:
        folder: A folder of photos; other files are ignored.
    """
    rng = np.random.default_rng(0)
    faces = synthesize(20).images[..., 0]
    photos = []
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".jpg", ".jpeg", ".png"):
            with Image.open(path) as opened:
                photos.append(opened.convert("RGB"))
                photos[-1].thumbnail((320, 320))
    while True:
        face = Image.fromarray(faces[rng.integers(len(faces))])
        yield face
        background = Image.new("L", (160, 120), int(rng.integers(256)))
        background.paste(face.resize((72, 72)), (int(rng.integers(88)), int(rng.integers(48))))
        yield background
        photo = photos[rng.integers(len(photos))]
        side = int(rng.integers(120, 321))
        copy = photo.copy()
        copy.thumbnail((side, side))
        yield copy.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else copy


def encoded(image: Image.Image, kind: str) -> bytes:
    """Return an image as the bytes of a file of that format."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def bomb() -> bytes:
    """Return a PNG file of a few bytes whose header claims 30,000 x 30,000 pixels."""
    header = encoded(Image.new("1", (8, 8)), "PNG")
    chunk = b"IHDR" + (30_000).to_bytes(4, "big") * 2 + header[24:29]
    return header[:12] + chunk + zlib.crc32(chunk).to_bytes(4, "big") + header[33:]


def forbidden(path: Path, content: bytes) -> None:
    """Write a file that only root may read."""
    path.write_bytes(content)
    path.chmod(0)


def broken() -> list[tuple[str, set[str], Callable[[Path, bytes], object]]]:
    """Return ways to break a file: suffix, correct statuses, and the function that writes it.

    An empty set of statuses means that there must be no row.
    """
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    return [
        (".jpg", {"unreadable"}, lambda path, content: path.write_bytes(content[: len(content) // 2])),
        (".jpg", {"empty"}, lambda path, _: path.touch()),
        (".png", {"unreadable"}, lambda path, _: path.write_text("Hello, I am no image.\n")),
        (".png", READABLE, lambda path, content: path.write_bytes(content)),  # really a JPEG
        (".png", {"too_large"}, lambda path, _: path.write_bytes(bomb())),
        (".jpg", set(), lambda path, _: path.mkdir()),
        (".jpg", READABLE if root else {"unreadable"}, forbidden),
        (".jpg", {"not_found"}, lambda path, _: path.symlink_to("nowhere.jpg")),
        (".jpg", {"unsupported"}, lambda path, _: os.mkfifo(path)),
        (".jpg", {"unreadable"}, lambda path, content: path.write_bytes(content[:200] + bytes(len(content)))),
    ]


def build(folder: Path, photos: Path, count: int) -> dict[str, set[str]]:
    """Write the files; return the correct statuses of each file that must have a row, in order."""
    source, ways = make_images(photos), broken()
    expected: dict[str, set[str]] = {}
    for number in range(count):
        image = next(source)
        if number % EVERY == EVERY - 1:
            suffix, statuses, write = ways[number // EVERY % len(ways)]
            write(folder / f"{number:06}{suffix}", encoded(image, "JPEG"))
        else:
            suffix, kind = FORMATS[number % len(FORMATS)]
            statuses = READABLE
            (folder / f"{number:06}{suffix}").write_bytes(encoded(image, kind))
        if statuses:
            expected[str(folder / f"{number:06}{suffix}")] = statuses
    return expected


def last_number(part: Path) -> int:
    """Return the number of the image whose row was written last, or -1."""
    try:
        with part.open("rb") as file:
            file.seek(max(0, part.stat().st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()[:-1]
    except OSError:
        return -1
    names = [Path(line.split(",")[0]).stem for line in lines]
    return max((int(name) for name in names if name.isdecimal()), default=-1)


def peak_mb(pid: int) -> float:
    """Return the peak of resident memory so far, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return float("nan")


def run(command: list[str], out: Path, count: int) -> tuple[dict[float, float], float, float]:
    """Run the command; return the peak memory at the marks, wall seconds and CPU seconds."""
    part = out.with_name(f"{out.name}.part")
    peaks: dict[float, float] = {}
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while True:
        pid, _, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            break
        done = last_number(part) / count
        for mark in MARKS[:-1]:
            if done >= mark and mark not in peaks:
                peaks[mark] = peak_mb(process.pid)
        time.sleep(0.05)
    peaks[MARKS[-1]] = used.ru_maxrss / 1024
    return peaks, time.monotonic() - began, used.ru_utime + used.ru_stime


def check(out: Path, expected: dict[str, set[str]]) -> Counter[str]:
    """Check that each file has its row, or its faces' rows together, in order; return the count of each status.

    Raises:
        SystemExit: a row is missing, duplicated or out of order, or has a wrong status.
    """
    with out.open(encoding="utf-8", newline="") as file:
        rows = [(row["file"], row["status"]) for row in csv.DictReader(file)]
    found = [(name, {status for _, status in group}) for name, group in groupby(rows, key=lambda row: row[0])]
    if [name for name, _ in found] != list(expected):
        sys.exit(f"{len(found)} files have rows, expected {len(expected)} in order")
    wrong = [(name, statuses) for name, statuses in found if not statuses <= expected[name]]
    if wrong:
        sys.exit(f"{len(wrong)} files have a wrong status, the first: {wrong[0]}, right: {expected[wrong[0][0]]}")
    return Counter(statuses.pop() for _, statuses in found)


def main() -> int:
    """Write the files, run the command, check the table, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="small")
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--detector", default="auto")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder, out = Path(place, "images"), Path(place, "out.csv")
        folder.mkdir()
        expected = build(folder, options.photos, options.count)
        command = [sys.executable, "-c", "from moue.cli import main; main()", "predict", str(folder)]
        command += ["--model", options.model, "--detector", options.detector, "--output", str(out)]
        peaks, wall, cpu = run(command, out, options.count)
        statuses = check(out, expected)
    print(f"{len(expected):,} files, one row or one per face each, in order: {dict(statuses.most_common())}")
    print(f"{len(expected) / wall:.1f} files/s by the clock, {1e3 * cpu / len(expected):.1f} CPU ms per file")
    print("peak memory so far: " + ", ".join(f"{peaks.get(mark, 0):.0f} MB at {mark:.0%}" for mark in MARKS))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
