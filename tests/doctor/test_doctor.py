"""`moue doctor`: a working installation, and every fault that it detects."""

from __future__ import annotations

import json
import re
import shutil
import sys

import numpy as np
import pytest
from PIL import Image

from helpers.onnx_model import save_run
from moue.classifier.classifier import Classifier
from moue.classifier.locate import WEIGHTS, shipped_models
from moue.data.synthetic.dataset import synthesize
from moue.doctor.arrays import looks_bgr, repair, turned_back, turns
from moue.doctor.checks import devices, framing, inputs, predictions, self_check, software, weights
from moue.doctor.checks import network as network_check
from moue.doctor.diagnose import diagnose
from moue.doctor.drawn import drawn_faces, expected_probabilities, write_faces
from moue.doctor.findings import Level
from moue.doctor.patient import Patient, read_samples
from moue.errors import MoueError
from moue.files import sha256_of
from moue.labels import CLASS_NAMES
from moue.media.pixels import to_gray


@pytest.fixture(scope="module")
def network():
    return Classifier.load(threads=1)


@pytest.fixture(scope="module")
def drawings(network):
    """Faces that the model classifies correctly, so that wrong inputs show."""
    drawn = synthesize(20, seed=1)
    correct = np.flatnonzero(network.predict_proba(drawn.images, head="emotion").argmax(axis=1) == drawn.labels)[:60]
    return drawn.images[correct], drawn.labels[correct].astype(np.int64)


def look(model, data, *checks):
    """Return the findings of some checks by name; running all of them in every test would take too long."""
    patient = Patient(model, None if data is None else read_samples(data))
    return {finding.check: finding for check in checks for finding in check(patient)}


def only_problem(found):
    (problem,) = (finding for finding in found.values() if finding.level is Level.PROBLEM)
    return problem


def test_the_report_of_a_working_installation_fits_one_screen(moue):
    code, out, _ = moue("doctor")
    lines = out.splitlines()
    assert (code, lines[-1]) == (0, "No problems found.")
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert "14 of 14 drawn faces found and recognised" in out


def test_json(moue):
    code, out, _ = moue("doctor", "small", "--json")
    report = json.loads(out)
    found = {finding["check"]: finding for finding in report["findings"]}
    assert (code, report["ok"]) == (0, True)
    assert found["self-check"]["values"]["apart"]["given"] < 1e-3
    sound = sorted(["faces/own", *shipped_models()])
    assert [finding.values["sound"] for finding in weights.check(Patient())] == [sound]


@pytest.mark.parametrize("name", shipped_models())
def test_the_predictions_of_every_shipped_model_are_recorded(name):
    network = Classifier.load(name, threads=1)
    assert expected_probabilities(network.fingerprint) is not None, "run python scripts/drawn_faces.py"


def test_colour_faces_have_the_luma_of_the_gray_ones():
    faces = drawn_faces()
    assert faces.gray.shape == (14, 48, 48)
    assert sorted({*faces.names.tolist()}) == sorted(CLASS_NAMES)
    # 192 -> 48 pixels; the brightest tones are clipped in red.
    small = to_gray(faces.color)[:, 2::4, 2::4].astype(int)
    assert np.abs(small - faces.gray).mean() < 4
    assert not looks_bgr(faces.color)
    assert looks_bgr(faces.color[..., ::-1])


@pytest.mark.parametrize(
    ("change", "text", "fix"),
    [
        (lambda x: x / np.float32(255), "scaled to 0-1", "images * 255"),
        (lambda x: x / 127.5 - 1, "scaled to -1 to 1", "(images + 1) * 127.5"),
        (lambda x: x.astype(np.float32), "not uint8", "np.rint(images)"),
        (lambda x: x.astype(np.uint16) * 16, "12 bits", ">> 4"),
        (lambda x: x.reshape(len(x), -1), "flattened: (14, 2304)", "reshape(-1, 48, 48, 1)"),
        (lambda x: np.repeat(x[:, None], 3, 1), "channels come first", "transpose(0, 2, 3, 1)"),
        (lambda x: np.repeat(x[..., None], 4, 3), "alpha channel", "[..., :3]"),
    ],
)
def test_arrays_are_repaired(change, text, fix):
    gray = drawn_faces().gray
    repaired = repair(change(gray))
    (fault,) = repaired.faults
    assert text in fault.text
    assert fix in fault.fix
    assert np.abs(repaired.images[..., 0].astype(int) - gray).max() <= 1


def test_standardised_pixels_and_lossy_casts_are_recognised():
    gray = drawn_faces().gray
    assert "mean and standard deviation" in repair((gray - gray.mean()) / gray.std()).faults[0].text
    assert "only black and white" in repair((gray / 255).astype(np.uint8)).faults[0].text
    assert repair(np.zeros((2, 3, 4, 5, 6), np.uint8)).images is None


def test_the_suggested_code_undoes_every_orientation():
    images = np.arange(2 * 5 * 5).reshape(2, 5, 5)
    for name, undo, quarter, mirrored in turns():
        if name:
            undone = eval(undo, {"np": np, "images": images})  # noqa: S307 (our own text)
            assert np.array_equal(undone, turned_back(images, quarter, mirrored=mirrored))


def test_correct_arrays(network, drawings):
    diagnosis = diagnose(network, drawings)
    assert diagnosis.ok
    assert diagnosis.summary().endswith("No problems found.")
    found = {finding.check: finding.level for finding in diagnosis.findings}
    assert found == dict.fromkeys(("model", "self-check", "pixels", "upright", "framing", "classes", "accuracy"), "ok")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: x[:, ::-1], "upside down"),
        (lambda x: x.swapaxes(1, 2), "on their side"),
        (lambda x: 255 - x, "negatives"),
    ],
)
def test_rotated_faces_and_negatives(network, drawings, change, text):
    images, labels = drawings
    problem = only_problem(look(network, (change(images), labels), inputs.check))
    assert (problem.check, text in problem.text) == ("upright", True)
    assert "improve from" in problem.text
    # Rotated back, some of them are mirror images.
    assert int(re.search(r"to (\d+)% correct", problem.text)[1]) >= 80


@pytest.mark.parametrize(
    ("change", "check", "text"),
    [
        (lambda x: x[..., ::-1], "colours", "your arrays look like BGR: 0 of 14 predictions change"),
        (lambda x: x[:, :, ::-1], "upright", "mirrored left to right"),
        (lambda x: x.swapaxes(1, 2), "upright", "transposed"),
        (lambda x: np.pad(x, ((0, 0), (58, 58), (58, 58), (0, 0)), "edge"), "crop", "smaller: cropped 1.6 times"),
    ],
)
def test_faults_in_the_drawn_faces_are_named(network, change, check, text):
    problem = only_problem(look(network, change(drawn_faces().color), inputs.check))
    assert problem.check == check
    assert text in problem.text


def test_faces_cropped_too_wide(network, drawings):
    images, labels = drawings
    wide = np.pad(images[:40], ((0, 0), (24, 24), (24, 24), (0, 0)), mode="edge")
    found = look(network, (wide[::3], labels[:40:3]), framing.check)
    assert "times too wide" in found["framing"].fix


def saved(folder, change=None, onnx_change=None):
    """Save the shipped model with a changed description or a changed ONNX graph."""
    described = json.loads((WEIGHTS / "small.json").read_text(encoding="utf-8"))
    shutil.copy(WEIGHTS / "small.onnx", folder / "mine.onnx")
    if onnx_change is not None:
        onnx = pytest.importorskip("onnx")
        model = onnx.load(folder / "mine.onnx")
        onnx_change(onnx, model)
        (folder / "mine.onnx").write_bytes(model.SerializeToString())
        described["onnx_sha256"] = sha256_of(folder / "mine.onnx")
    if change is not None:
        change(described)
    (folder / "mine.json").write_text(json.dumps(described), encoding="utf-8")
    return folder / "mine.onnx"


def test_a_permuted_class_order_is_named(tmp_path, drawings):
    def change(described):
        described["heads"][0]["class_names"] = sorted(CLASS_NAMES)

    problem = only_problem(look(saved(tmp_path, change), drawings, predictions.check))
    assert problem.values["order"] == list(CLASS_NAMES)
    assert "sad is called neutral" in problem.text
    assert "(FER2013's order)" in problem.fix


def test_permuted_labels_are_not_blamed_on_the_model(tmp_path, drawings):
    images, labels = drawings
    alphabetical = np.array([sorted(CLASS_NAMES).index(name) for name in CLASS_NAMES])
    wrong = (images, alphabetical[labels])
    expected = "--class-names angry,disgust,fear,happy,neutral,sad,surprise"
    assert expected in only_problem(look("small", wrong, predictions.check)).fix
    assert expected in only_problem(look(saved(tmp_path), wrong, predictions.check)).fix


def test_a_model_that_always_predicts_sad(tmp_path, drawings):
    def change(onnx, model):
        tensor = next(item for item in model.graph.initializer if "emotion_1/BiasAdd" in item.name)
        values = onnx.numpy_helper.to_array(tensor) + 9 * np.eye(7, dtype=np.float32)[CLASS_NAMES.index("sad")]
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))

    problem = only_problem(look(saved(tmp_path, onnx_change=change), drawings, predictions.check))
    assert "the model predicts sad for" in problem.text


def test_a_model_without_its_scaling(tmp_path, drawings):
    def change(onnx, model):
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(255), "white"))
        for node in model.graph.node:
            node.input[:] = ["pixels" if name == "images" else name for name in node.input]
        model.graph.node.insert(0, onnx.helper.make_node("Mul", ["images", "white"], ["pixels"]))

    found = look(saved(tmp_path, onnx_change=change), drawings, predictions.check)
    assert "the model expects pixels from 0 to 1: predictions improve" in found["range"].text


def test_a_model_that_never_learned(tmp_path, drawings):
    found = look(save_run(tmp_path / "run"), drawings, self_check.check, predictions.check)
    assert found["self-check"].level is Level.NOTE
    assert found["accuracy"].level is Level.NOTE
    assert "the shipped model: 100% correct" in found["accuracy"].text


def test_old_and_foreign_model_files(tmp_path):
    old = only_problem(look(saved(tmp_path, lambda described: described.update(version=1)), None, network_check.check))
    assert "an old model file" in old.text
    (tmp_path / "best.keras").write_bytes(b"PK")
    assert "a Keras file" in only_problem(look(tmp_path / "best.keras", None, network_check.check)).text
    assert "there is no model" in only_problem(look("nothing-here", None, network_check.check)).text


def test_another_crop_is_noted(tmp_path):
    model = saved(tmp_path, lambda described: described["input"].update(crop_margin=0.6))
    assert look(model, None, network_check.check)["crop"].level is Level.NOTE


def test_a_damaged_weight_file_is_reported_with_its_hash(tmp_path):
    for suffix in ("onnx", "json", "md"):
        shutil.copy(WEIGHTS / f"small.{suffix}", tmp_path)
    content = bytearray((tmp_path / "small.onnx").read_bytes())
    content[1000] ^= 1
    (tmp_path / "small.onnx").write_bytes(bytes(content))
    (finding,) = weights.check(Patient(), tmp_path)
    assert finding.level is Level.PROBLEM
    assert sha256_of(tmp_path / "small.onnx")[:12] in finding.text
    assert sha256_of(WEIGHTS / "small.onnx")[:12] in finding.text


def test_two_wheels_of_opencv(tmp_path, monkeypatch):
    for name in ("opencv_python", "opencv_contrib_python"):
        (tmp_path / f"{name}-4.12.0.dist-info").mkdir()
        record = tmp_path / f"{name}-4.12.0.dist-info" / "METADATA"
        record.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 4.12.0\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    problems = [finding for finding in software.check(Patient()) if finding.level is Level.PROBLEM]
    assert "opencv-python and " in problems[0].text
    assert "pip uninstall -y opencv-python " in problems[0].fix


def test_no_display_and_no_camera_are_no_problem(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert {finding.level for finding in devices.check(Patient())} <= {Level.OK, Level.ABSENT, Level.NOTE}


def test_the_command_exits_with_1_and_writes_faces(moue, tmp_path):
    code, _, err = moue("doctor", "--write-faces", tmp_path / "faces")
    assert (code, len(list((tmp_path / "faces").glob("*.png")))) == (0, 14)
    assert "moue doctor small faces.npy" in err
    np.save(tmp_path / "faces.npy", drawn_faces().color[..., ::-1])
    code, out, _ = moue("doctor", "small", tmp_path / "faces.npy")
    assert (code, "WRONG colours     your arrays look like BGR" in out) == (1, True)
    assert write_faces(tmp_path / "again")[0].name == "01-angry.png"


def test_existing_files_are_kept_without_overwrite(moue, tmp_path):
    mine = tmp_path / "14-neutral.png"
    mine.write_text("mine")
    code, _, err = moue("doctor", "--write-faces", tmp_path)
    assert (code, "--overwrite" in err, mine.read_text()) == (1, True, "mine")
    assert list(tmp_path.iterdir()) == [mine], "nothing is written before the existing file is found"
    assert moue("doctor", "--write-faces", tmp_path, "--overwrite")[0] == 0
    assert Image.open(mine).size == (192, 192)


def test_invalid_data(tmp_path):
    (tmp_path / "x.npy").write_bytes(b"nothing")
    for data in (tmp_path / "x.npy", 3, (np.zeros((2, 4, 4), np.uint8), np.zeros(3, int)), np.zeros((0, 4, 4))):
        with pytest.raises(MoueError):
            diagnose("small", data)


def test_drawn_faces_of_other_classes_do_not_count_against_a_model(tmp_path):
    own = save_run(tmp_path / "own", class_names=("grin", "wink", "frown"), classes=3)
    finding = look(own, None, self_check.check)["self-check"]
    assert finding.level is Level.NOTE
    assert finding.text.startswith("skipped: the drawn faces do not show")
    assert not finding.fix
