"""Cropping the faces of photographs into a folder of the same layout."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from moue.data.load import load_dataset
from moue.errors import MoueError
from moue.faces.cut_folder import cut_folder
from moue.faces.face import Face
from moue.media.listing import LeftOut, find_images


class Marked:
    """Finds bright squares, whose sizes are stored in the first row of the image's pixels."""

    name = "marked"

    def detect(self, image):
        sizes = [int(value) for value in image[0, :4, 0] if value]
        return [Face(10.0 + 60 * k, 20.0, size, size) for k, size in enumerate(sizes)]


def photo(path, *sizes):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((160, 240), np.uint8)
    for k, size in enumerate(sizes):
        pixels[20 : 20 + size, 10 + 60 * k : 10 + 60 * k + size] = 100 + 50 * k
        pixels[0, k] = size
    Image.fromarray(pixels).save(path)


def test_the_largest_face_of_each_image_is_cropped(tmp_path):
    photo(tmp_path / "in" / "smile" / "one.png", 40)
    photo(tmp_path / "in" / "smile" / "two.png", 30, 50)
    photo(tmp_path / "in" / "no_smile" / "none.png")
    (tmp_path / "in" / "notes.txt").write_text("mine")
    small = np.full((48, 48), 77, np.uint8)
    small[0, :4] = 0
    Image.fromarray(small).save(tmp_path / "in" / "no_smile" / "small.png")
    steps = []
    out = tmp_path / "out"
    found = cut_folder(tmp_path / "in", out, Marked(), progress=lambda done, total: steps.append((done, total)))
    assert (found.num_faces, found.without, found.several) == (3, ["no_smile/none.png"], ["smile/two.png"])
    assert found.others == ["notes.txt"]
    assert steps[-1] == (5, 5)
    faces = {path.name: np.asarray(Image.open(path)) for path in out.rglob("*.png")}
    assert set(faces) == {"one.png.png", "two.png.png", "small.png.png"}
    assert {face.shape for face in faces.values()} == {(48, 48)}
    assert (faces["one.png.png"][24, 24], faces["two.png.png"][24, 24]) == (100, 150)
    np.testing.assert_array_equal(faces["small.png.png"], small)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
    (tmp_path / "in" / "smile" / "one.png").unlink()
    assert cut_folder(tmp_path / "in", out, Marked()).num_faces == 2
    assert len(list(out.rglob("*.png"))) == 2
    # The file that marks the folder as moue's is not reported to the reader.
    assert not any("left behind" in note for note in load_dataset(out).notes)
    left_out = LeftOut()
    assert len(list(find_images([out], recursive=True, left_out=left_out))) == 2
    assert left_out.litter == []


def test_a_refused_folder_leaves_nothing_behind(tmp_path):
    photo(tmp_path / "in" / "smile" / "none.png")
    with pytest.raises(MoueError, match=r"(?m)no face was found in .*which has 1 file$"):
        cut_folder(tmp_path / "in", tmp_path / "out", Marked())
    with pytest.raises(MoueError, match="is not a folder"):
        cut_folder(tmp_path / "in" / "smile" / "none.png", tmp_path / "out", Marked())
    (tmp_path / "out").mkdir()
    with pytest.raises(MoueError, match="exists"):
        cut_folder(tmp_path / "in", tmp_path / "out", Marked())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]
