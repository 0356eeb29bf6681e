"""Reproduce common mistakes and show the output of `moue doctor`: the screens of docs/doctor.md.

Run: python benchmarks/broken_setups.py FER2013 [NAME …]

Needs the extra `train`, because the package onnx edits the models. Writes only to a temporary folder.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import moue
from moue.classifier.locate import WEIGHTS
from moue.classifier.spec import ModelSpec
from moue.data.load import load_fer2013
from moue.doctor.drawn import drawn_faces
from moue.files import sha256_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from moue.data.dataset import Dataset

PACKAGE = Path(moue.__file__).parent


@dataclasses.dataclass(frozen=True)
class Bench:
    """The folder for the broken files, and the faces to use."""

    folder: Path
    faces: Dataset

    def arrays(self, name: str, images: NDArray[Any]) -> str:
        """Save images with the labels of the faces and return the file's name."""
        np.savez(self.folder / f"{name}.npz", images=images, labels=self.faces.labels)
        return f"{name}.npz"

    def network(self, name: str, change: Callable[[Any, dict[str, Any]], None]) -> str:
        """Apply `change` to the ONNX graph and the description of `small`, save both, and return the file's name."""
        import onnx

        graph = onnx.load(WEIGHTS / "small.onnx")
        described = json.loads((WEIGHTS / "small.json").read_text(encoding="utf-8"))
        change(graph, described)
        file = self.folder / f"{name}.onnx"
        file.write_bytes(graph.SerializeToString())
        described["onnx_sha256"] = sha256_of(file)
        file.with_suffix(".json").write_text(json.dumps(described), encoding="utf-8")
        return file.name

    def doctor(self, *arguments: str, path: Path | None = None) -> None:
        """Run the command with `path` first on the import path, and show its output."""
        print(f"$ moue doctor {' '.join(arguments)}".rstrip(), flush=True)
        environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
        command = [sys.executable, "-m", "moue", "doctor", *arguments]
        code = subprocess.run(command, cwd=self.folder, env=environment, check=False).returncode
        print(f"exit code {code}\n", flush=True)


def bgr(bench: Bench) -> None:
    """OpenCV reads files as BGR."""
    np.save(bench.folder / "faces.npy", drawn_faces().color[..., ::-1])
    bench.doctor("small", "faces.npy")


def scaled(bench: Bench) -> None:
    """Pixels divided by 255."""
    bench.doctor("small", bench.arrays("scaled", bench.faces.images / np.float32(255)))


def transposed(bench: Bench) -> None:
    """Rows and columns swapped while reading fer2013.csv."""
    bench.doctor("small", bench.arrays("transposed", bench.faces.images.swapaxes(1, 2)))


def upside_down(bench: Bench) -> None:
    """Faces upside down: nearly half of them are called sad."""
    bench.doctor("small", bench.arrays("turned", bench.faces.images[:, ::-1]))


def wide(bench: Bench) -> None:
    """Faces cropped twice as wide as FER2013's."""
    padded = np.pad(bench.faces.images, ((0, 0), (24, 24), (24, 24), (0, 0)), mode="edge")
    small = [np.asarray(Image.fromarray(face[..., 0]).resize((48, 48), Image.Resampling.HAMMING)) for face in padded]
    bench.doctor("small", bench.arrays("wide", np.stack(small)))


def class_order(bench: Bench) -> None:
    """A description that names the classes alphabetically; the network's outputs follow FER2013."""

    def change(_graph: Any, described: dict[str, Any]) -> None:
        head = described["heads"][0]
        head["class_names"] = sorted(head["class_names"])

    csv = bench.arrays("faces", bench.faces.images)
    bench.doctor(bench.network("mine", change), csv)


def always_sad(bench: Bench) -> None:
    """A model that has learned only one class."""

    def change(graph: Any, described: dict[str, Any]) -> None:
        import onnx

        sad = described["heads"][0]["class_names"].index("sad")
        tensor = next(weights for weights in graph.graph.initializer if "emotion_1/BiasAdd" in weights.name)
        values = onnx.numpy_helper.to_array(tensor).copy()
        values[sad] += 9
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    bench.doctor(bench.network("sad", change), bench.arrays("faces", bench.faces.images))


def other_range(bench: Bench) -> None:
    """A model that was trained on pixels from 0 to 1, without a scaling layer."""

    def change(graph: Any, _described: dict[str, Any]) -> None:
        import onnx

        graph.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(255), "white"))
        graph.graph.node.insert(0, onnx.helper.make_node("Mul", ["images", "white"], ["pixels"]))
        for node in list(graph.graph.node)[1:]:
            for position, name in enumerate(node.input):
                if name == "images":
                    node.input[position] = "pixels"

    bench.doctor(bench.network("unscaled", change), bench.arrays("faces", bench.faces.images))


def old_model(bench: Bench) -> None:
    """A model.json of an earlier version."""

    def change(_graph: Any, described: dict[str, Any]) -> None:
        described["version"] = 1

    bench.doctor(bench.network("old", change))


def damaged(bench: Bench) -> None:
    """A weight file with one changed byte."""
    shutil.copytree(PACKAGE, bench.folder / "copy" / "moue", ignore=shutil.ignore_patterns("__pycache__"))
    file = bench.folder / "copy" / "moue" / "weights" / "small.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    bench.doctor(path=bench.folder / "copy")


def two_wheels(bench: Bench) -> None:
    """The record of a second OpenCV wheel, as pip leaves it."""
    record = bench.folder / "wheels" / "opencv_python-4.12.0.88.dist-info" / "METADATA"
    record.parent.mkdir(parents=True)
    record.write_text("Metadata-Version: 2.1\nName: opencv-python\nVersion: 4.12.0.88\n", encoding="utf-8")
    bench.doctor(path=bench.folder / "wheels")


SETUPS = (
    *(bgr, scaled, transposed, upside_down, wide, class_order),
    *(always_sad, other_range, old_model, damaged, two_wheels),
)


def main() -> None:
    """Reproduce each mistake and print what the doctor finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*", choices=[[], *(setup.__name__ for setup in SETUPS)])
    options = parser.parse_args()
    faces = load_fer2013(options.data).subset("val")
    # The description must be valid before anything is broken.
    ModelSpec.load(WEIGHTS / "small.json")
    for setup in SETUPS:
        if options.names and setup.__name__ not in options.names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(f"--- {setup.__name__}: {setup.__doc__}")
            setup(Bench(Path(folder), faces.take(np.arange(600))))


if __name__ == "__main__":
    main()
