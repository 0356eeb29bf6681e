"""The commands that `kills.py` interrupts, and how to compare their results."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import os
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image

import moue
from moue.data.write import write_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MOUE: Final = (sys.executable, "-m", "moue")
_NUM_IMAGES: Final = 120
_LAST_DIGIT: Final = 2e-4
_FACES: Final = moue.synthesize(per_class=3, seed=3).images
_TRAINING: Final = ("--epochs", "3", "--set", "batch_size=16")

# `moue download` only fetches from one HTTPS address; this script makes it use the benchmark's own server.
_DOWNLOAD: Final = """
import dataclasses, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # until the command handles it itself
from moue.faces import store
address, checksum, *arguments = sys.argv[1:]
known = dataclasses.replace(store.MODELS["yunet"], url=address, sha256=checksum, schemes=("http",))
store.MODELS = {"yunet": known}
sys.argv = ["moue", *arguments]
from moue.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@dataclasses.dataclass(frozen=True)
class Job:
    """A command that is killed and then run again until it finishes.

    Attributes:
        name: Its name in the table.
        share: Its share of the kills, relative to the others.
        arguments: The command line; it runs in its own empty folder.
        results: Returns the final contents of the folder by name, so that two folders can be compared.
        final: Files that must be complete or missing, whenever the command is killed.
        resume: Arguments to add when the command runs again.
        lock: The file with the id of the process that writes; "" if two processes may write.
        prepare: Fills the folder before the first run.
    """

    name: str
    share: int
    arguments: tuple[str, ...]
    results: Callable[[Path], dict[str, Any]]
    final: tuple[str, ...] = ()
    resume: tuple[str, ...] = ()
    lock: str = ""
    prepare: Callable[[Path], None] = lambda _: None


def make_jobs(inputs: Path, address: str, payload: bytes) -> list[Job]:
    """Return the jobs; they read files in `inputs`, and download `payload` from `address`."""
    small, large, run = str(inputs / "small.csv"), str(inputs / "large.csv"), inputs / "run"
    predict = (*MOUE, "predict", str(inputs / "images"), "--quiet", "--output")
    drawing = (*MOUE, "predict", str(inputs / "images"), "--quiet", "--annotate", "drawn", "--output", "out.csv")
    download = (sys.executable, "-c", _DOWNLOAD, address, hashlib.sha256(payload).hexdigest(), "download", "yunet")
    model = "face_detection_yunet_2023mar.onnx"

    def copy_run(folder: Path) -> None:
        shutil.copytree(run, folder / "run")

    return [
        Job(
            "train",
            6,
            (*MOUE, "train", small, "--out", "run", *_TRAINING),
            _trained,
            resume=("--resume",),
            lock=".run.lock",
        ),
        Job("predict, CSV", 3, (*predict, "out.csv"), _files, final=("out.csv",), lock=".out.csv.lock"),
        Job("predict, drawings", 3, drawing, _files, final=("out.csv",)),
        Job("predict, JSON lines", 3, (*predict, "out.jsonl"), _files, final=("out.jsonl",), lock=".out.jsonl.lock"),
        Job("cache", 3, (*MOUE, "data", "check", large), lambda folder: _cached(folder, inputs / "large.csv")),
        Job("download", 3, (*download, "--out", "."), _files, final=(model,)),
        Job(
            "report",
            3,
            (*MOUE, "report", "run"),
            lambda folder: {"run/report.html": _digest((folder / "run" / "report.html").read_bytes())},
            final=("run/report.html",),
            prepare=copy_run,
        ),
        Job(
            "evaluate",
            3,
            (*MOUE, "evaluate", "run", small, "--split", "val", "--overwrite"),
            lambda folder: _evaluated(folder / "run" / "evaluation" / "val"),
            prepare=copy_run,
        ),
    ]


def make_inputs(folder: Path) -> None:
    """Draw the inputs of the jobs: two tables, and a folder of images and a video."""
    write_csv(moue.synthesize(per_class=12, seed=0), folder / "small.csv")
    write_csv(moue.synthesize(per_class=300, seed=1), folder / "large.csv")
    images = folder / "images"
    images.mkdir()
    faces = moue.synthesize(per_class=_NUM_IMAGES // 7 + 1, seed=2).images[:_NUM_IMAGES, :, :, 0]
    large = [Image.fromarray(face).resize((160, 160)) for face in faces]
    for number, image in enumerate(large):
        image.save(images / f"{number:03d}.png")
    large[0].save(images / "video.gif", save_all=True, append_images=large[1:25], duration=40)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a command: its own cache, and no other MOUE_ variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MOUE_")}
    return kept | {"MOUE_CACHE": str(folder / "cache")}


def _trained(folder: Path) -> dict[str, Any]:
    """Return the history without times, digests of the weights, and predictions of the exported model."""
    run = folder / "run"
    history = [{**row, "seconds": 0} for row in json.loads((run / "history.json").read_text(encoding="utf-8"))]
    description = json.loads((run / "model.json").read_text(encoding="utf-8"))
    described = {name: description[name] for name in ("heads", "expression", "scores")}
    kept = {path.name for path in run.iterdir() if not path.name.startswith((".", "tensorboard"))}
    return {
        "history": json.dumps(history),
        "last": _weights(run / "last.keras"),
        "best": _weights(run / "best.keras"),
        "description": json.dumps(described),
        "predictions": moue.Classifier.load(run).predict_proba(_FACES).tolist(),
        "files": " ".join(sorted(kept)),
    }


def _weights(path: Path) -> str:
    """Return a digest of everything in a Keras file, including optimizer and random states."""
    import h5py

    digest = hashlib.sha256()

    def add(name: str, entry: Any) -> None:
        if isinstance(entry, h5py.Dataset):
            digest.update(name.encode() + np.asarray(entry).tobytes())

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(add)
    return digest.hexdigest()


def _files(folder: Path) -> dict[str, Any]:
    """Return the rows of tables and digests of other files; no cache and hidden files, which a kill may leave."""
    files = {path.relative_to(folder): path for path in folder.rglob("*") if path.is_file()}
    return {
        str(name): read_rows(path) if path.suffix in (".csv", ".jsonl") else _digest(path.read_bytes())
        for name, path in files.items()
        if name.parts[0] != "cache" and not name.name.startswith(".")
    }


def read_rows(path: Path) -> list[Any]:
    """Return the rows of a table, without their timings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".csv":
        return [[_number(cell) for cell in row] for row in csv.reader(text.splitlines())]
    return [{**json.loads(line), "timings": None} for line in text.splitlines()]


def equal(one: Any, other: Any) -> bool:
    """Compare results; the last digit of a probability may depend on the batch."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= _LAST_DIGIT
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(equal(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _number(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell


def _cached(folder: Path, table: Path) -> dict[str, Any]:
    """Return what a reader gets from the existing cache, or "nothing"."""
    from moue.data import cache

    os.environ["MOUE_CACHE"] = str(folder / "cache")
    stored = cache.load(table)
    if stored is None:
        return {"cache": "nothing"}
    whole = hashlib.sha256(stored.images.tobytes() + stored.labels.tobytes() + stored.split.tobytes())
    return {"cache": f"{whole.hexdigest()} {stored.checksum}"}


def _evaluated(folder: Path) -> dict[str, Any]:
    evaluation = moue.Evaluation.load(folder)
    return {"figures": json.dumps(evaluation.official.to_dict()), "predictions": _digest(evaluation.y_prob.tobytes())}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
