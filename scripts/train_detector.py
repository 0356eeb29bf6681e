"""Make the weights of moue's own face detector: label, train, look for mistakes, train beside them, export.

    python scripts/train_detector.py fer2013.csv scenes.zip OUT [--steps 10000] [--second 6000]

FER2013's training faces and the photographs are labelled by YuNet (`moue download yunet`), whose weights are not part
of the result. `scenes.zip` holds photographs with and without faces; a fifth, by the hash of the file, is not trained
on. An interrupted run goes on when the same line is typed again. About an hour on two cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

import moue
from moue.errors import MoueError
from moue.faces import make_detector, store
from moue.faces.boxes import merge
from moue.faces.detectors.own import OwnDetector, OwnOptions
from moue.faces.yunet_network import YuNet
from moue.training.backend import import_keras
from moue.training.detector.compose import Composer
from moue.training.detector.export import export_detector
from moue.training.detector.material import Material, collect, read_scenes
from moue.training.detector.train import DetectorConfig, train_detector

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from moue.faces import Face
    from moue.training.detector.material import Found

SCENE_SCALES = (1.0, 2.0, 0.5)


class Teacher:
    """YuNet, asked about single faces and about photographs at three scales."""

    def __init__(self) -> None:
        path = store.find("yunet")
        if path is None:
            raise MoueError("YuNet is not here", "the teacher of the detector", "Get it with: moue download yunet")
        self._network = YuNet(path)

    def __call__(self, image: NDArray[np.uint8]) -> Found:
        """Return boxes, landmarks and scores, the surest first."""
        if image.shape[0] == image.shape[1] <= 200:  # one enlarged face
            return _packed(self._network.faces(image, score_threshold=0.3))
        picture, found = Image.fromarray(image), []
        for scale in SCENE_SCALES:
            view = picture.resize((round(picture.width * scale), round(picture.height * scale)))
            faces = self._network.faces(np.asarray(view), score_threshold=0.2)
            found += [face.moved(1 / scale) for face in faces]
        return _packed(merge(found))


def _packed(faces: list[Face]) -> Found:
    points = [face.landmarks for face in faces]
    return (
        np.array([face.box for face in faces], np.float32).reshape(-1, 4),
        np.array(points, np.float32).reshape(-1, 5, 2),
        np.array([face.face_score for face in faces], np.float32),
    )


def mistakes_of(path: Path, material: Material) -> list[tuple[int, tuple[float, float, float, float]]]:
    """Return what a network finds in training photographs in which the teacher finds nothing at all."""
    detector = OwnDetector(OwnOptions(0.2), path)
    return [
        (number, face.box)
        for number, scene in enumerate(material.scenes)
        if not scene.held_out and not len(scene.scores)
        for face in detector.detect(np.repeat(scene.image[..., None], 3, axis=2))
    ]


def _say(done: int, total: int | None) -> None:
    print(f"step {done:,} of {total:,}", flush=True)


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("csv", type=Path)
    parser.add_argument("scenes", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--second", type=int, default=6_000, help="steps of the second round")
    parser.add_argument("--steps-per-epoch", type=int, default=500)
    options = parser.parse_args()
    make_detector("yunet")
    options.out.mkdir(parents=True, exist_ok=True)
    stored = options.out / "material.npz"
    if not stored.exists():
        collect(moue.load_fer2013(options.csv), read_scenes(options.scenes), Teacher()).save(stored)
    material = Material.load(stored)
    canvases = Composer(material, seed=5).batch(0, 32)[0]
    keras, model = import_keras(), None
    mistakes: list[tuple[int, tuple[float, float, float, float]]] = []
    rounds = (("first", options.steps, 2e-3), ("second", options.second, 1e-3))
    for number, (name, steps, rate) in enumerate(rounds):
        folder = options.out / name
        if not (folder / "own.onnx").exists():
            config = DetectorConfig(
                steps=steps, learning_rate=rate, seed=number, steps_per_epoch=options.steps_per_epoch
            )
            model = train_detector(
                material,
                folder,
                config,
                start=model,
                mistakes=mistakes,
                progress=_say,
            )
            export_detector(model, folder / "own.onnx", canvases)
        model = keras.models.load_model(folder / "detector.keras", compile=False)
        mistakes = mistakes_of(folder / "own.onnx", material)
        print(f"{name} round: {folder / 'own.onnx'}, {len(mistakes)} mistakes on photographs without a face")


if __name__ == "__main__":
    main()
