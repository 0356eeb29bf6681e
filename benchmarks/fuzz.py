"""Mutates the files that moue reads: each must quickly end in a status, a `MoueError` or a result.

    python benchmarks/fuzz.py [--images 20000] [--tables 5000] [--votes 1000] [--models 1000] [--runs 300]
        [--seed 0]

Tables that are read are compared with a strict reader. Each file of a run folder is mutated `--runs` times. Prints, for
each kind, how many inputs were read, refused or wrong, and the slowest time. Wrong inputs raised another exception or
were read differently from the strict reader; each is printed with the number that reproduces it. Exits with 1 if any
was wrong.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import io
import json
import random
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

import moue
from fuzz_runs import run_readers
from moue.classifier.spec import ModelSpec
from moue.data.write import write_csv
from moue.errors import MoueError
from moue.labels import FERPLUS_NAMES
from moue.media.decode import decode
from mutations import mutated, mutated_json
from strict_table import difference, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FORMATS: Final = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SLOW_S: Final = 2.0


def images() -> Iterator[bytes]:
    """Yield a small image in each format, in gray and in colour."""
    rng = np.random.default_rng(0)
    for mode, shape in (("L", (40, 50)), ("RGB", (40, 50, 3))):
        image = Image.fromarray(rng.integers(0, 256, shape, np.uint8), mode)
        for kind in FORMATS:
            out = io.BytesIO()
            image.save(out, kind)
            yield out.getvalue()


def tables(folder: Path) -> dict[str, bytes]:
    """Return a small table, plain and compressed, by suffix."""
    write_csv(moue.synthesize(per_class=3, seed=0), folder / "t.csv")
    plain = (folder / "t.csv").read_bytes()
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013.csv", plain)
    with tarfile.open(fileobj=tarred, mode="w:gz") as tar:
        info = tarfile.TarInfo("fer2013.csv")
        info.size = len(plain)
        tar.addfile(info, io.BytesIO(plain))
    return {"csv": plain, "csv.gz": gzip.compress(plain), "zip": zipped.getvalue(), "tar.gz": tarred.getvalue()}


class DifferError(Exception):
    """moue and the strict reader have read different content."""


class Kind:
    """Counts the outcomes for one kind of input."""

    def __init__(self, name: str, seed: int) -> None:
        self.name, self.seed = name, seed
        self.read = self.refused = 0
        self.slowest = 0.0
        self.faults: list[str] = []

    def run(
        self,
        count: int,
        contents: list[bytes],
        read: Callable[[bytes], bool],
        mutate: Callable[[bytes, random.Random], bytes] = mutated,
    ) -> None:
        """Read `count` mutations; `read` returns whether there was a result, or raises `DifferError`."""
        for number in range(count):
            rng = random.Random(f"{self.seed}-{self.name}-{number}")  # noqa: S311 (no secret)
            content = mutate(contents[number % len(contents)], rng)
            began = time.perf_counter()
            try:
                has_result = read(content)
            except MoueError:
                has_result = False
            except Exception as error:  # noqa: BLE001 (these are the bugs to find)
                self.faults.append(f"{self.name} {number}: {type(error).__name__}: {str(error)[:100]}")
                continue
            finally:
                self.slowest = max(self.slowest, time.perf_counter() - began)
            self.read += has_result
            self.refused += not has_result
        slow = "  SLOW" if self.slowest > SLOW_S else ""
        print(
            f"{self.name:>16}: {self.read:,} read, {self.refused:,} refused, {len(self.faults):,} wrong, "
            f"slowest {self.slowest:.2f} s{slow}",
            flush=True,
        )
        for fault in self.faults[:10]:
            print(f"                  {fault}")


def main() -> int:
    """Fuzz every kind of input; return 1 if any was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, count in (("images", 20_000), ("tables", 5_000), ("votes", 1_000), ("models", 1_000), ("runs", 300)):
        parser.add_argument(f"--{name}", type=int, default=count)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    kinds: list[Kind] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packed = tables(folder)

        def kind(name: str) -> Kind:
            kinds.append(Kind(name, options.seed))
            return kinds[-1]

        def read_table(content: bytes, suffix: str) -> bool:
            (folder / "mutated").write_bytes(content)
            dataset = moue.load_fer2013(folder / "mutated", use_cache=False, on_bad_row="skip")
            message = difference(dataset, unpack(content, suffix))
            if message:
                raise DifferError(message)
            return len(dataset) > 0

        def read_votes(content: bytes) -> bool:
            (folder / "votes.csv").write_bytes(content)
            return moue.load_fer2013(folder / "t.csv", ferplus=folder / "votes.csv", use_cache=False).votes is not None

        def read_model(content: bytes) -> bool:
            (folder / "model.json").write_bytes(content)
            return bool(ModelSpec.load(folder / "model.json").heads)

        kind("images").run(options.images, list(images()), lambda content: decode(content).image is not None)
        for suffix, content in packed.items():
            kind(suffix).run(options.tables, [content], functools.partial(read_table, suffix=suffix))
        data = moue.load_fer2013(folder / "t.csv", use_cache=False)
        usage = {"train": "Training", "val": "PublicTest", "test": "PrivateTest"}
        rows = [f"{usage[str(split)]},a.png,{','.join('1' * 10)}" for split in data.split]
        header = ",".join(("Usage", "Image name", *FERPLUS_NAMES))
        kind("votes").run(options.votes, ["\n".join((header, *rows)).encode()], read_votes)
        model = json.dumps(moue.Classifier.load().spec.to_dict()).encode()
        kind("models").run(options.models, [model], read_model, mutated_json)
        for title, reader in run_readers(folder, folder / "t.csv"):
            count = options.runs // 10 if title.startswith("report") else options.runs  # pages take a second each
            kind(title).run(count, [reader.content], reader.read, reader.mutate)
    return int(any(kind.faults for kind in kinds))


if __name__ == "__main__":
    sys.exit(main())
