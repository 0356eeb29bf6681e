"""The device that a model runs on, and the warning when it falls back to the CPU."""

import pickle

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from moue.classifier.classifier import Classifier
from moue.classifier.runtime import PROVIDERS, find_device
from moue.cli.options import DeviceName, choose_device
from moue.data.synthetic.dataset import synthesize
from moue.data.write import write_csv
from moue.errors import SettingError

FACES = np.random.default_rng(0).integers(0, 256, (3, 48, 48), dtype=np.uint8)


@pytest.fixture
def offers(monkeypatch):
    """Make ONNX Runtime claim to offer devices besides the CPU."""

    def claim(*devices):
        names = [*(PROVIDERS[name] for name in devices), "CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)

    return claim


def test_auto_picks_the_best_device(offers):
    offers()
    assert find_device("auto") == ("cpu", "")
    offers("directml", "coreml")
    assert find_device("auto") == ("coreml", "")
    offers("coreml", "cuda")
    assert find_device("auto") == ("cuda", "")


def test_the_warning_for_a_missing_device_is_one_line_and_names_its_package(offers):
    offers()
    found, warning = find_device("cuda")
    assert found == "cpu"
    assert warning == "this ONNX Runtime has no cuda (it comes with onnxruntime-gpu); the CPU is used"
    offers("cuda")
    assert find_device("cuda") == ("cuda", "")


def test_an_unknown_device_names_the_known_ones():
    with pytest.raises(SettingError, match="auto, cpu, cuda, coreml, directml"):
        Classifier.load(device="tpu")


@pytest.mark.filterwarnings("ignore:Specified provider")
@pytest.mark.parametrize("claimed", [(), ("cuda",)])
def test_a_device_that_does_not_work_falls_back_to_the_cpu_with_a_warning(offers, claimed):
    expected = Classifier.load().predict_proba(FACES)
    offers(*claimed)
    with pytest.warns(RuntimeWarning, match="the CPU is used"):
        classifier = Classifier.load(device="cuda")
    np.testing.assert_array_equal(classifier.predict_proba(FACES), expected)


def test_the_device_is_kept_in_a_copy(offers):
    offers()
    classifier = pickle.loads(pickle.dumps(Classifier.load(device="auto")))  # noqa: S301 (made here)
    np.testing.assert_array_equal(classifier.predict_proba(FACES), Classifier.load().predict_proba(FACES))


def test_the_command_line_warns_once(moue, tmp_path):
    Image.fromarray(FACES[0]).save(tmp_path / "face.png")
    code, _, err = moue("predict", tmp_path / "face.png", "--detector", "none", "--device", "cuda")
    assert code == 0
    assert err.count("the CPU is used") == 1
    assert moue("predict", tmp_path / "face.png", "--device", "tpu")[0] == 2


@pytest.mark.parametrize(("name", "kind"), [("a.tflite", "LiteRT"), ("a.xml", "OpenVINO")])
@pytest.mark.parametrize("command", [("evaluate", "{}", "faces"), ("explain", "x.png", "--model", "{}")])
def test_a_file_that_only_the_cpu_runs_is_refused_with_cuda(moue, tmp_path, monkeypatch, name, kind, command):
    monkeypatch.chdir(tmp_path)
    code, _, err = moue(*(word.format(name) for word in command), "--device", "cuda")
    assert code == 2
    lines = err.splitlines()
    assert lines == [
        f"error: --device cuda with the {kind} file {name}",
        "expected cpu or auto: only the CPU runs such a file",
        "Use the ONNX file.",
    ]
    assert max(map(len, lines)) <= 80


def test_auto_runs_such_a_file_on_the_cpu(offers):
    offers("cuda")
    assert choose_device(DeviceName.AUTO, "small") == "cuda"
    assert choose_device(DeviceName.AUTO, "small", "a.tflite") == "cpu"


def test_evaluate_and_explain_fall_back_as_predict_does(moue, run_folder, tmp_path, offers):
    offers()
    write_csv(synthesize(3), tmp_path / "drawn.csv")
    code, _, err = moue("evaluate", run_folder, tmp_path / "drawn.csv", "--split", "all", "--device", "cuda")
    assert (code, err.count("this ONNX Runtime has no cuda")) == (0, 1)
    Image.fromarray(synthesize(3).images[0][..., 0]).save(tmp_path / "face.png")
    words = ("--output", tmp_path / "why.png", "--device", "cuda")
    code, _, err = moue("explain", tmp_path / "face.png", *words)
    assert (code, err.count("this ONNX Runtime has no cuda")) == (0, 1)
