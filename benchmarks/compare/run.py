"""Compare moue with other packages on FER2013's PrivateTest and a folder of labelled photos, one process each.

Run: python benchmarks/compare/run.py FER2013_CSV FERPLUS_CSV LABELS_JSON [--python fer=VENV/bin/python …]
         [--node-modules FOLDER] [--faces N] [--limit SECONDS] [--json FILE] [--write docs/comparison.md]

Each peer is one file in peers/. A Python peer needs the Python of an environment in which it is installed (`--python`;
moue uses this one by default). A Node peer needs a node_modules folder with its package, @tensorflow/tfjs and
@tensorflow/tfjs-backend-wasm (`--node-modules`). A peer without these is listed as not installed; a peer that fails or
exceeds the limit is listed with its error. No code of a peer enters this repository.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scoring import Sets, score_faces, score_photos
from tables import table

from moue.data.load import load_fer2013
from moue.files import write_text
from moue.media.decode import decode

PEERS = Path(__file__).with_name("peers")
NODE = (".cjs",)
BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"), "1"
) | {"CUDA_VISIBLE_DEVICES": "", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": "", "PYTHONWARNINGS": "ignore"}


@dataclasses.dataclass(frozen=True)
class Choices:
    """How peers are run.

    Attributes:
        pythons: The Python of each peer.
        node_modules: Folder in which the Node peers are installed; empty if they are not.
        limit_s: Wall seconds after which a peer is stopped.
    """

    pythons: dict[str, str]
    node_modules: str
    limit_s: float


def list_peers() -> dict[str, Path]:
    """Return the peers' files by name, moue first."""
    names = sorted(PEERS.glob("with_*"), key=lambda path: (not path.stem.startswith("with_moue"), path.stem))
    return {path.stem.removeprefix("with_"): path for path in names}


def make_task(folder: Path, sets: Sets, entries: list[dict[str, Any]]) -> Path:
    """Write faces and photos as PNG files, and as raw RGB for Node; return the task file that lists them."""
    faces = [_image(folder / f"face{k}", np.repeat(image, 3, axis=2)) for k, image in enumerate(sets.images)]
    photos = []
    for k, entry in enumerate(entries):
        decoded = decode(entry["file"])
        if decoded.image is None:
            sys.exit(f"{entry['file']}: {decoded.message}")
        image = decoded.image if decoded.image.ndim == 3 else np.repeat(decoded.image[..., None], 3, axis=2)
        photos.append(_image(folder / f"photo{k}", image))
    task = folder / "task.json"
    task.write_text(json.dumps({"faces": faces, "photos": photos}), encoding="utf-8")
    return task


def _image(stem: Path, image: Any) -> dict[str, Any]:
    # Upright lossless PNG, so that differences in decoding do not affect a peer.
    Image.fromarray(image).save(stem.with_suffix(".png"))
    stem.with_suffix(".raw").write_bytes(np.ascontiguousarray(image).tobytes())
    height, width = image.shape[:2]
    files = {"file": str(stem.with_suffix(".png")), "raw": str(stem.with_suffix(".raw"))}
    return {**files, "width": width, "height": height}


def run_peer(name: str, path: Path, task: Path, choices: Choices) -> dict[str, Any]:
    """Run one peer; return its result, or its error."""
    environment = os.environ | ONE_THREAD
    if path.suffix in NODE:
        command, environment = ["node"], environment | {"NODE_PATH": choices.node_modules}
        if not choices.node_modules:
            return {"error": "not installed: no --node-modules"}
    elif name not in choices.pythons:
        return {"error": f"not installed: no --python {name}=…"}
    else:
        command = [choices.pythons[name]]
    out = task.with_name(f"{name}.json")
    began = time.monotonic()
    try:
        done = subprocess.run(
            [*command, str(path), str(task), str(out)], env=environment, capture_output=True, text=True,
            timeout=choices.limit_s, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}
    if done.returncode or not out.exists():
        return {"error": _error_line(done.stderr) or f"ended with {done.returncode}"}
    result: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    return result | {"wall_s": time.monotonic() - began}


def _error_line(stderr: str) -> str:
    """Return the line of a traceback with the error's name and message, or the last line."""
    lines = [line.strip() for line in stderr.splitlines()]
    named = [line for line in lines if "Error" in line.partition(":")[0]]
    return (named or [line for line in lines if line] or [""])[-1][:200]


def main() -> int:
    """Run all peers and print the table."""
    options = _parse()
    data = load_fer2013(options.fer2013, ferplus=options.ferplus)
    sets = Sets.of(data, options.faces)
    entries = json.loads(options.labels.read_text(encoding="utf-8"))
    for entry in entries:
        entry["file"] = str((options.labels.parent / entry["file"]).resolve())
    pythons = {"moue": sys.executable, **dict(pair.split("=", 1) for pair in options.python)}
    pythons["moue_emotion"] = pythons["moue"]
    modules = str(options.node_modules.resolve()) if options.node_modules else ""
    choices = Choices(pythons, modules, options.limit)
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as place:
        task = make_task(Path(place), sets, entries)
        for name, path in list_peers().items():
            print(f"{name} …", file=sys.stderr, flush=True)
            result = run_peer(name, path, task, choices)
            if "error" not in result:
                result["scores"] = score_faces(result.pop("faces"), sets)
                result["photo_scores"] = score_photos(result.pop("photos"), entries)
            results[name] = result
    text = table(results, sets, len(entries))
    print(text)
    if options.json:
        write_text(options.json, json.dumps(results, indent=1), overwrite=True)
    if options.write:
        write(options.write, text)
    return 0


def write(page: Path, text: str) -> None:
    """Put a text between the markers of a page.

    Raises:
        SystemExit: the page has no markers.
    """
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        sys.exit(f"{page} does not hold {BEGIN} and {END}")
    write_text(page, f"{before}{begin}\n{text}\n{end}{after}", overwrite=True)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fer2013", type=Path)
    parser.add_argument("ferplus", type=Path)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PYTHON")
    parser.add_argument("--node-modules", type=Path)
    parser.add_argument("--faces", type=int, default=0, help="a random sample of PrivateTest; 0 takes all 3,589")
    parser.add_argument("--limit", type=float, default=1800)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--write", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
