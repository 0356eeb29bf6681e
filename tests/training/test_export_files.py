"""No export format overwrites an existing file or one beside it unless told to."""

import pytest

from moue.errors import MoueError

pytest.importorskip("tensorflow", reason="needs the extra 'train'")

from helpers.data import make_dataset
from moue.training.export_format import INT8
from moue.training.export_formats import FORMATS, export_network, files_of


def files_in(folder):
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


@pytest.mark.parametrize("form", FORMATS.values(), ids=lambda form: form.name)
def test_every_file_of_a_format_is_protected(form, tmp_path):
    path = tmp_path / f"mine{form.suffix}"
    written = files_of(form, path)
    assert path in written
    weights = form.weights[0]
    faces = make_dataset(70) if weights == INT8 else None
    for file in written:
        if file == path and not form.suffix:  # a folder
            path.mkdir()
        else:
            file.write_text("mine")
        before = files_in(tmp_path)
        with pytest.raises(MoueError, match="already exists"):
            export_network("small", path, faces, weights=weights)
        assert files_in(tmp_path) == before
        for made in before:
            made.unlink()


def test_the_files_of_each_format(tmp_path):
    names = {
        form.name: [str(file.relative_to(tmp_path)) for file in files_of(form, tmp_path / f"a{form.suffix}")]
        for form in FORMATS.values()
    }
    assert names == {
        "onnx": ["a.onnx", "a.json"],
        "litert": ["a.tflite", "a.tflite.json"],
        "openvino": ["a.xml", "a.bin", "a.xml.json"],
        "saved_model": ["a", "a/moue.json"],
    }
