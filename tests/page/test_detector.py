"""YuNet in the page: what is written, what is refused, and the same constants in Python and TypeScript."""

import hashlib
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from helpers.onnx_model import save_run, save_yunet
from moue.classifier.runtime import open_session
from moue.errors import MoueError
from moue.faces import boxes, store, yunet_network
from moue.faces.detectors import own, yunet
from moue.page import copy
from moue.page.detector import PageDetector
from moue.page.model import PageModel

MODELS = os.environ.get(store.ENVIRONMENT, "")
WEB = Path(__file__).parents[2] / "web" / "src" / "recognition"


@pytest.fixture
def file(tmp_path):
    """A file that looks like YuNet."""
    return save_yunet(tmp_path / "mine.onnx")


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """YuNet is not on this machine."""
    monkeypatch.delenv(store.ENVIRONMENT, raising=False)
    monkeypatch.setenv("MOUE_CACHE", str(tmp_path / "empty"))


def check_copy(out, detector):
    """Check the detector in a copy of the page, and its entry in the manifest."""
    manifest = json.loads((out / "model.json").read_text())
    about = manifest["detector"]
    content = (out / about["file"]).read_bytes()
    assert content == detector.content
    assert about == {
        "name": "yunet",
        "score_threshold": yunet.DEFAULT_THRESHOLD,
        "min_size": yunet.DEFAULT_MIN_SIZE,
        "file": f"model/{hashlib.sha256(content).hexdigest()[:12]}.onnx",
        "bytes": len(content),
    }
    assert sorted(path.name for path in (out / "model").iterdir()) == sorted(
        Path(one["file"]).name for one in (manifest, about)
    )
    listed = json.loads((out / "moue-page.json").read_text())["files"]
    assert listed == sorted(["index.html", "model.json", manifest["file"], about["file"]])
    return manifest


def test_a_copy_with_yunet_has_both_models_and_its_licence(page, file, tmp_path):
    (page / "LICENCES.txt").write_text("ONNX Runtime Web\n")
    out = copy(tmp_path / "out", detector="yunet", detector_model=file)
    manifest = check_copy(out, PageDetector.load(file))
    assert manifest == PageModel.load("small").manifest | {"detector": manifest["detector"]}
    licences = (out / "LICENCES.txt").read_text()
    assert licences.startswith("ONNX Runtime Web\n\nYuNet, ")
    assert "Copyright (c) 2020 Shiqi Yu" in licences
    assert "WITHOUT WARRANTY" in licences
    assert (page / "LICENCES.txt").read_text() == "ONNX Runtime Web\n"


@pytest.mark.usefixtures("page")
def test_yunet_works_with_a_custom_model(file, tmp_path):
    run = save_run(tmp_path / "mine", class_names=("smile", "no_smile"), classes=2)
    out = copy(tmp_path / "out", model=run, detector="yunet", detector_model=file)
    assert check_copy(out, PageDetector.load(file))["name"] == "mine"


def test_the_file_takes_images_of_any_size(file):
    content = PageDetector.load(file).content
    assert len(content) == file.stat().st_size
    session = open_session(content, file, threads=1, fix="", many_sizes=True)
    image = np.zeros((1, 3, 32, 96), np.float32)
    assert session.run(["cls_8"], {"input": image})[0].shape == image.shape


@pytest.mark.usefixtures("page")
@pytest.mark.skipif(not MODELS, reason="set MOUE_MODELS to a folder with YuNet to run this test")
def test_the_real_yunet_is_found_in_the_same_place_as_in_python(tmp_path):
    out = copy(tmp_path / "out", detector="yunet")
    detector = PageDetector.load(MODELS)
    assert detector.is_known
    check_copy(out, detector)


@pytest.mark.usefixtures("page", "nowhere")
def test_without_the_option_no_detector_is_added(tmp_path):
    for number, choices in enumerate(({}, {"detector": "own"}, {"model": "small"})):
        out = copy(tmp_path / f"{number}", **choices)
        assert "detector" not in json.loads((out / "model.json").read_text())
        assert len(list((out / "model").iterdir())) == 1
        assert not (out / "LICENCES.txt").exists()


@pytest.mark.usefixtures("page", "nowhere")
def test_without_its_file_the_error_says_how_to_get_it(moue, tmp_path):
    code, _, printed = moue("page", tmp_path / "out", "--detector", "yunet")
    assert code == 1
    came, expected, fix = printed.splitlines()
    assert "yunet is missing" in came
    assert store.MODELS["yunet"].name in expected
    assert "moue download yunet" in fix
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("page")
def test_another_network_is_refused(tmp_path):
    other = save_run(tmp_path / "other") / "model.onnx"
    with pytest.raises(MoueError, match="has no output bbox_16"):
        copy(tmp_path / "out", detector="yunet", detector_model=other)
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("page")
def test_another_file_than_the_published_one_is_recognised(file):
    assert not PageDetector.load(file).is_known


@pytest.mark.usefixtures("page")
def test_wrong_options_are_refused(moue, file, tmp_path):
    with pytest.raises(MoueError, match="no detector 'none'"):
        copy(tmp_path / "out", detector="none")
    with pytest.raises(MoueError, match="own takes no model file"):
        copy(tmp_path / "out", detector_model=file)
    code, _, printed = moue("page", tmp_path / "out", "--detector-model", file)
    assert (code, "without --detector yunet" in printed) == (2, True)
    code, _, printed = moue("page", tmp_path / "out", "--detector", "auto")
    assert (code, "own, yunet" in printed) == (2, True)


@pytest.mark.parametrize(
    ("file", "module", "count"),
    [("own.ts", own, 11), ("yunet.ts", yunet, 20), ("yunet_network.ts", yunet_network, 3), ("face.ts", boxes, 2)],
)
def test_the_page_has_the_same_constants_as_the_detectors(file, module, count):
    known = {name.lstrip("_"): value for name, value in vars(module).items() if name.isupper()}
    text = (WEB / file).read_text(encoding="utf-8")
    found = dict(
        re.findall(
            r"^(?:export )?const ([A-Z_]+)(?:: [^=]+)? = ([\d.]+|\[[\d., ]+\])(?: as const)?;", text, re.MULTILINE
        )
    )
    shared = found.keys() & known.keys()
    assert len(shared) == count, sorted(shared)
    for name in shared:
        assert tuple(np.ravel(json.loads(found[name]))) == tuple(np.ravel(known[name])), name
