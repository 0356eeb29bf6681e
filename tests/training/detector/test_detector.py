"""Training of the face detector: material, canvases, losses, a round of training, the export."""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import zipfile

import numpy as np
import pytest
from PIL import Image

from helpers.data import make_dataset
from moue.errors import MoueError
from moue.faces import Face
from moue.training.detector.compose import SIZES, STRIDE, UNIT, Composer
from moue.training.detector.held_out import measure
from moue.training.detector.material import Material, Scene, collect, is_held_out, key_of, read_not_faces, read_scenes

NONE = (np.zeros((0, 4), np.float32), np.zeros((0, 5, 2), np.float32), np.zeros(0, np.float32))
POINTS = np.array([[12, 18], [36, 18], [24, 28], [16, 38], [32, 38]], np.float32)


def make_material(num_faces=6):
    rng = np.random.default_rng(0)
    empty = [Scene(rng.integers(0, 256, (200, 240), np.uint8), *NONE, held_out=held) for held in (False, False, True)]
    people = Scene(
        rng.integers(0, 256, (220, 260), np.uint8),
        np.array([[40, 50, 36, 48], [150, 60, 30, 40]], np.float32),
        np.stack([POINTS + np.float32((40, 50)), POINTS + np.float32((150, 60))]),
        np.array([0.9, 0.4], np.float32),
        held_out=False,
    )
    faces = rng.integers(0, 256, (num_faces, 48, 48), np.uint8)
    boxes = np.tile(np.array([[5, 0, 38, 49]], np.float32), (num_faces, 1))
    return Material(faces, boxes, np.tile(POINTS, (num_faces, 1, 1)), (*empty, people))


def test_a_batch_is_a_function_of_seed_and_number():
    first, again = (Composer(make_material(), side=96, seed=3).batch(7, 4) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1].box, again[1].box)
    assert (Composer(make_material(), side=96, seed=4).batch(7, 4)[0] != first[0]).any()


def test_maps_mark_where_the_faces_are():
    composer = Composer(make_material(), side=160, seed=0)
    num_faces = 0
    for number in range(6):
        canvases, target = composer.batch(number, 8)
        assert canvases.shape == (8, 160, 160, 1)
        assert canvases.dtype == np.uint8
        assert set(np.unique(target.centre)) <= {-1.0, 0.0, 1.0}
        for index, row, column in zip(*np.nonzero(target.centre[..., 0] == 1), strict=True):
            num_faces += 1
            x, y, width, height = target.box[index, row, column]
            size = UNIT * np.exp((width + height) / 2)
            assert SIZES[0] * 0.99 <= size <= SIZES[1] * 1.01
            # A cell that holds a centre is near it, and the nose lies within the face.
            assert np.hypot(x, y) * UNIT <= max(0.16 * size, 0.71 * STRIDE) + 1e-3
            nose = target.landmarks[index, row, column].reshape(5, 2)[2] - (x, y)
            assert np.abs(nose).max() * UNIT <= size
    assert num_faces > 20


def test_uncertain_faces_are_ignored_and_held_out_scenes_are_not_used():
    material = make_material()
    people = dataclasses.replace(material.scenes[3], scores=np.array([0.9, 0.4], np.float32))
    only = dataclasses.replace(material, scenes=(material.scenes[0], people))
    centres = np.concatenate([Composer(only, seed=1).batch(number, 8)[1].centre for number in range(4)])
    assert (centres == -1).any()
    held = dataclasses.replace(material, scenes=(dataclasses.replace(people, held_out=True), material.scenes[0]))
    assert not Composer(held)._peopled


def test_false_positives_appear_on_backgrounds():
    material = make_material()
    marked = material.scenes[0].image.copy()
    marked[80:120, 100:140] = 255
    scenes = (dataclasses.replace(material.scenes[0], image=marked), *material.scenes[1:3])
    material = dataclasses.replace(material, scenes=scenes)
    composer = Composer(material, seed=2, false_positives=[(0, (100.0, 80.0, 40.0, 40.0))])
    shown = [(composer._false_positive(np.random.default_rng(number)) > 250).mean() for number in range(40)]
    assert np.mean(shown) > 2 * (material.scenes[1].image > 250).mean()


def test_material_is_collected_saved_and_loaded(tmp_path):
    def teacher(image):
        if image.shape[0] == 192:  # an enlarged face in its canvas
            return np.array([[52, 32, 100, 128]], np.float32), np.full((1, 5, 2), 96, np.float32), np.array([0.9])
        return NONE

    content = io.BytesIO()
    Image.fromarray(np.zeros((40, 60), np.uint8)).save(content, "PNG")
    material = collect(make_dataset(20), [content.getvalue()], teacher)
    assert len(material.faces) == 12, "those of the training split"
    # 128 pixels stand for 48, behind a border of 32.
    np.testing.assert_allclose(material.boxes[0], [7.5, 0, 37.5, 48])
    np.testing.assert_allclose(material.landmarks[0], 24)
    material.save(tmp_path / "material.npz")
    again = Material.load(tmp_path / "material.npz")
    np.testing.assert_array_equal(again.faces, material.faces)
    assert again.scenes[0].image.shape == (40, 60)
    assert again.scenes[0].held_out == is_held_out(content.getvalue())
    (tmp_path / "material.npz").write_bytes(b"rubbish")
    with pytest.raises(MoueError, match="cannot be read"):
        Material.load(tmp_path / "material.npz")


def test_a_teacher_is_corrected(tmp_path):
    contents = []
    for gray in (0, 255):
        file = io.BytesIO()
        Image.new("L", (70, 60), gray).save(file, "PNG")
        contents.append(file.getvalue())
    path = tmp_path / "not_faces.json"
    path.write_text(json.dumps({key_of(contents[0]): [[11, 9, 20, 20]]}))

    def teacher(_image):
        boxes = np.array([[10, 10, 20, 20], [40, 10, 16, 18]], np.float32)
        return boxes, np.zeros((2, 5, 2), np.float32), np.array([0.9, 0.8], np.float32)

    material = collect(make_dataset(), contents, teacher, not_faces=read_not_faces(path))
    assert [scene.scores.tolist() for scene in material.scenes] == [pytest.approx([0.8]), pytest.approx([0.9, 0.8])]
    assert material.scenes[0].boxes.tolist() == [[40, 10, 16, 18]]
    material.save(tmp_path / "material.npz")
    again = Material.load(tmp_path / "material.npz")
    assert [scene.not_faces.tolist() for scene in again.scenes] == [[[11, 9, 20, 20]], []]
    path.write_text('{"a": [[1, 2]]}')
    with pytest.raises(MoueError, match=r"not_faces\.json holds no boxes"):
        read_not_faces(path)


def test_scenes_are_read_in_order_of_names(tmp_path):
    with zipfile.ZipFile(tmp_path / "scenes.zip", "w") as archive:
        for name in ("b.jpg", "a.png", "notes.txt"):
            archive.writestr(name, name)
    assert read_scenes(tmp_path / "scenes.zip") == [b"a.png", b"b.jpg"]
    (tmp_path / "scenes.zip").write_bytes(b"rubbish")
    with pytest.raises(MoueError, match="zip archive"):
        read_scenes(tmp_path / "scenes.zip")


def test_losses_are_those_of_the_papers():
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    from moue.training.detector.loss import centre_loss, place_loss

    truth = np.array([1, 0, -1, 0], np.float32).reshape(1, 2, 2, 1)
    logits = np.array([0.3, -2, 9, 1], np.float32).reshape(1, 2, 2, 1)
    chance = 1 / (1 + np.exp(-logits.ravel()))
    expected = 0.5 * (
        (1 - chance[0]) ** 2 * -np.log(chance[0]) + sum(chance[k] ** 2 * -np.log(1 - chance[k]) for k in (1, 3))
    )
    assert float(centre_loss(truth, logits)) == pytest.approx(expected, rel=1e-5)
    where = np.array([1, 0], np.float32).reshape(1, 1, 2, 1)
    wanted = np.concatenate([where, np.array([0.5, 7], np.float32).reshape(1, 1, 2, 1)], axis=-1)
    assert float(place_loss(wanted, np.zeros((1, 1, 2, 1), np.float32))) == pytest.approx(0.45)


@pytest.mark.slow
def test_a_round_of_training_and_its_export(tmp_path):
    pytest.importorskip("tensorflow", reason="training needs the extra 'train'")
    from moue.faces.detectors.own import OwnDetector, OwnOptions
    from moue.training.detector.export import export_detector
    from moue.training.detector.train import DetectorConfig, train_detector

    reports = []
    config = DetectorConfig(4, batch_size=2, side=64, steps_per_epoch=2)
    model = train_detector(make_material(), tmp_path, config, progress=lambda *done: reports.append(done))
    assert reports == [(2, 4), (4, 4)]
    assert (tmp_path / "detector.keras").exists()
    canvases = Composer(make_material(), side=64).batch(0, 3)[0]
    assert export_detector(model, tmp_path / "own.onnx", canvases) < 0.02
    # Any size works, since the network was built without one.
    detector = OwnDetector(OwnOptions(0.5), tmp_path / "own.onnx")
    assert detector.detect(np.zeros((70, 130, 3), np.uint8)) == []
    with pytest.raises(MoueError, match="a multiple of"):
        DetectorConfig(5, steps_per_epoch=2)


def test_two_rounds_resume_to_the_same_detector(tmp_path, monkeypatch):
    """A run that is stopped between its rounds ends with the file of one that was not stopped."""
    keras = pytest.importorskip("keras", reason="training needs the extra 'train'")
    from moue.training.detector import rounds

    def fit(material, out, config, *, start, false_positives, progress):
        """Stands for a round of training, which has its own test; its weights depend on all arguments."""
        assert isinstance(material, Material)
        model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
        before = 0.0 if start is None else float(np.sum(start.get_weights()[0]))
        model.set_weights([np.full((1, 1), before + config.seed + len(false_positives) + 0.5), np.zeros(1)])
        out.mkdir()
        model.save(out / "detector.keras")
        progress(config.steps, config.steps)
        return model

    def save_weights(model, path, _canvases, *, overwrite):
        assert overwrite
        np.save(path.with_suffix(".npy"), model.get_weights()[0])
        path.with_suffix(".npy").rename(path)

    monkeypatch.setattr(rounds, "train_detector", fit)
    monkeypatch.setattr(rounds, "export_detector", save_weights)
    config = rounds.RoundsConfig((2, 4), batch_size=2, side=64, steps_per_epoch=1)

    class OneFaceOnEmpty:
        name = "stand-in"

        def detect(self, image):
            return [Face(20.0, 20.0, 30.0, 30.0, face_score=0.5)] if image.shape == (200, 240, 3) else []

    def make(path, least):
        assert path.exists()
        assert least in (0.1, 0.2)
        return OneFaceOnEmpty()

    def run(out, **options):
        return rounds.train_rounds(lambda _: make_material(), out, config, make=make, **options)

    reports = []
    whole, figures = run(tmp_path / "whole", progress=lambda *done: reports.append(done))
    assert reports == [(2, 6), (6, 6)]
    assert whole == tmp_path / "whole" / "second" / "own.onnx"
    # 0.5 of the first round, seed 1, and a false positive on each of the two empty photographs that are not held out.
    assert float(np.load(whole).item()) == 0.5 + 1 + 2 + 0.5
    shutil.copytree(tmp_path / "whole", tmp_path / "cut", ignore=shutil.ignore_patterns("second"))
    again, same = run(tmp_path / "cut", resume=True)
    assert again.read_bytes() == whole.read_bytes()
    assert same == figures
    assert json.loads((tmp_path / "cut" / "figures.json").read_text())["score_threshold"] == figures.score_threshold
    with pytest.raises(MoueError, match="already exists"):
        run(tmp_path / "cut")
    config = rounds.RoundsConfig((2, 3), batch_size=2, side=64, steps_per_epoch=1)
    with pytest.raises(MoueError, match="other choices"):
        run(tmp_path / "cut", resume=True)
    with pytest.raises(MoueError, match=r"config\.json"):
        run(tmp_path / "new", resume=True)


def test_held_out_photographs_choose_the_threshold():
    class Scores:
        """Detects the confident face at 0.55, a box beside it at 0.3, and a face at 0.45 on one empty photograph."""

        def detect(self, image):
            if image.shape[0] == 220:
                return [Face(41, 51, 36, 48, face_score=0.55), Face(200, 180, 30, 30, face_score=0.3)]
            return [Face(9, 9, 30, 30, face_score=0.45)] if image[0, 0, 0] % 2 else []

    material = make_material()
    held = [dataclasses.replace(scene, held_out=True) for scene in material.scenes]
    held[0].image[0, 0], held[1].image[0, 0], held[2].image[0, 0] = 1, 2, 4
    figures = measure(dataclasses.replace(material, scenes=tuple(held)), Scores())
    assert (figures.num_faces, figures.num_peopled, figures.num_empty) == (1, 1, 3)
    counts = {row[0]: row[1:] for row in figures.rows}
    assert counts[0.3] == (1, 1, 1)
    assert counts[0.35] == (1, 0, 1)
    assert counts[0.5] == (1, 0, 0)
    assert counts[0.6] == (0, 0, 0)
    assert figures.score_threshold == 0.5
