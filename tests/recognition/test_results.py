"""The methods of results: summary, JSON, DataFrame, drawing, showing and saving."""

import json
import subprocess
import sys
import types

import numpy as np
import pytest
from PIL import Image, ImageShow

import moue
from moue.media.decode import Status
from moue.recognition.face_result import FaceResult, TrackedFace
from moue.recognition.frame_result import FrameResult
from moue.recognition.image_result import ImageResult

NAMES = ("happy", "sad")
FACE = FaceResult((10.0, 8.0, 30.0, 32.0), "happy", 0.75, {"happy": 0.75, "sad": 0.25})
DOUBT = FaceResult((60.0, 8.0, 30.0, 32.0), "sad", 0.5, {"happy": 0.5, "sad": 0.5}, unsure=True)
PIXELS = np.full((80, 120, 3), 90, np.uint8)


def result(**fields):
    return ImageResult(**{"file": "", "status": Status.OK, "width": 120, "height": 80, "faces": (FACE, DOUBT)} | fields)


def frame(**fields):
    face = TrackedFace.of_track(FACE, 3, FACE.probabilities, 0.5)
    return FrameResult(
        **{"file": "v.mp4", "status": Status.OK, "width": 120, "height": 80, "faces": (face,)} | fields,
        frame=5,
        time_s=0.2,
        class_names=NAMES,
    )


def test_repr_and_summary():
    assert repr(result(file="a.jpg")) == "ImageResult(a.jpg, 120x80: happy 75%, sad? 50%)"
    assert repr(FACE) == "FaceResult(happy 75% at x=10 y=8, 30x32)"
    assert repr(frame()) == "FrameResult(v.mp4 at 0.20 s, 120x80: #3 happy 75%)"
    assert result(file="a.jpg").summary().splitlines() == [
        "a.jpg (120 x 80): 2 faces",
        "  happy 75%, then sad 25%; at x=10 y=8, 30 x 32",
        "  sad? 50%, then happy 50%; at x=60 y=8, 30 x 32",
    ]
    assert ImageResult("b.jpg", Status.EMPTY, message="no content").summary() == "b.jpg: no content"
    assert len(result().summary().splitlines()) == 3


def test_json_holds_what_the_dictionary_holds():
    for one in (result(file="ü.jpg"), frame()):
        assert json.loads(one.to_json()) == one.to_dict()
        assert "\n" not in one.to_json()
        assert one.to_json(indent=2).startswith("{\n  ")
    assert "pixels" not in result(pixels=PIXELS).to_dict()
    assert "ü" in result(file="ü.jpg").to_json()


def test_a_dataframe_of_images_and_frames():
    pytest.importorskip("pandas")
    table = moue.to_df([result(class_names=NAMES), frame(), ImageResult("x.jpg", Status.EMPTY, class_names=NAMES)])
    assert table["prob_sad"].tolist()[:3] == [0.25, 0.5, 0.25]
    assert table["track_id"].tolist()[2] == 3
    assert table["status"].tolist() == ["ok", "ok", "ok", "empty"]
    assert result(class_names=NAMES).to_df().shape == (2, table.shape[1])


def test_a_polars_frame_holds_the_same_with_types():
    pl = pytest.importorskip("polars")
    results = [ImageResult("x\udcff.jpg", Status.EMPTY, class_names=NAMES), result(class_names=NAMES), frame()]
    table = moue.to_df(results, backend="polars")
    assert table["file"][0] == "x\\udcff.jpg"
    assert table["prob_sad"].to_list()[:3] == [None, 0.25, 0.5]
    assert table["track_id"].to_list()[-1] == 3
    kinds = {name: table.schema[name] for name in ("unsure", "frame", "time_s", "status")}
    assert kinds == {"unsure": pl.Boolean, "frame": pl.Int64, "time_s": pl.Float64, "status": pl.String}
    empty = moue.to_df([], backend="polars")
    assert (empty.height, empty.schema["frame"]) == (0, pl.Int64)
    with pytest.raises(moue.MoueError, match="pandas, polars"):
        moue.to_df(results, backend="excel")


def test_without_pandas_the_error_names_the_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(moue.MissingExtraError, match=r"moue\[pandas\]"):
        result().to_df()


def test_it_is_drawn_on_its_own_pixels(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(PIXELS).save(path)
    by_path, by_pixels = result(file=str(path)).plot(), result(pixels=PIXELS).plot()
    assert by_path.tobytes() == by_pixels.tobytes() == result().plot(PIXELS).tobytes()
    assert len(by_path.getcolors(99999)) > 3
    saved = result(pixels=PIXELS).save(tmp_path / "drawn.png")
    assert Image.open(saved).tobytes() == by_pixels.tobytes()
    with pytest.raises(moue.MoueError, match="exists"):
        result(pixels=PIXELS).save(saved)
    assert result(pixels=PIXELS).save(saved, overwrite=True) == saved


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (result(), "no longer available"),
        (result(file="gone.jpg"), "result.plot"),
        (frame(), "keep_frames=True"),
        (ImageResult("b.jpg", Status.EMPTY, message="no content"), "status empty"),
    ],
)
def test_without_pixels_the_error_says_how_to_pass_them(one, words):
    with pytest.raises(moue.MoueError, match=words):
        one.plot()
    assert one._repr_png_() is None
    assert "<img" not in one._repr_html_()


def test_a_notebook_gets_a_small_image_and_a_table():
    large = np.full((900, 1200, 3), 90, np.uint8)
    one = result(file="<b>.jpg", width=1200, height=900, pixels=large, class_names=NAMES)
    assert one._repr_png_()[:8] == b"\x89PNG\r\n\x1a\n"
    page = one._repr_html_()
    assert "&lt;b&gt;.jpg" in page
    assert "<b>" not in page
    assert "<td>75%</td><td>25%</td>" in page
    assert 'src="data:image/png;base64,' in page


def test_results_do_not_load_ipython():
    code = "import sys, moue; moue.ImageResult; sys.exit('IPython' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_show_uses_the_notebook_or_a_viewer(monkeypatch):
    shown = []
    monkeypatch.setattr(ImageShow, "show", lambda image: bool(shown.append(image.size)) or len(shown) == 1)
    monkeypatch.setitem(sys.modules, "IPython", None)
    result(pixels=PIXELS).show()
    assert len(shown) == 1
    with pytest.raises(moue.MoueError, match=r"result\.save"):
        result(pixels=PIXELS).show()
    shell = types.SimpleNamespace(
        get_ipython=lambda: types.SimpleNamespace(kernel=1), display=types.SimpleNamespace(display=shown.append)
    )
    monkeypatch.setitem(sys.modules, "IPython", shell)
    result(pixels=PIXELS).show()
    assert isinstance(shown[-1], Image.Image)


def test_one_result_makes_a_dataframe_and_anything_else_is_refused():
    pytest.importorskip("pandas")
    assert moue.to_df(result(class_names=NAMES)).equals(moue.to_df([result(class_names=NAMES)]))
    for wrong in ("a.jpg", None, 3):
        with pytest.raises(moue.MoueError, match="the results are of type"):
            moue.to_df(wrong)
