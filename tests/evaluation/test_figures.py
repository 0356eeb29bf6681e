"""Figures of histories and scores, and the pixels of their PNGs."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from helpers.history import HISTORY
from moue.errors import MoueError
from moue.evaluation import figures
from moue.evaluation.canvas import DARK, LIGHT, face_uri, figure_uri
from moue.evaluation.metrics import score

pytest.importorskip("matplotlib", reason="needs the extra 'report'")


def test_curves_are_written_and_marked(tmp_path):
    path = figures.plot_history(HISTORY, tmp_path / "curves.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.width > 2 * image.height
    with pytest.raises(MoueError, match="already exists"):
        figures.plot_history(HISTORY, path, overwrite=False)
    labels = [
        text.get_text() for axes in figures.history_figure(HISTORY).axes for text in axes.get_legend().get_texts()
    ]
    assert labels == [
        *("training", "validation", "best epoch 2: 45.0 %"),
        *("training", "validation", "best epoch 2: 0.950"),
    ]


@pytest.mark.parametrize(
    ("history", "lines"),
    [
        (HISTORY[:1], 4),
        ([{"epoch": 1, "loss": 1.0, "accuracy": 0.3}, {"epoch": 2, "loss": 0.9, "accuracy": 0.4}], 1),
        ([{**HISTORY[0], "val_accuracy": None}, HISTORY[1]], 4),
    ],
)
def test_incomplete_histories_are_drawn(history, lines):
    figure = figures.history_figure(history, ("accuracy",))
    assert len(figure.axes[0].get_lines()) == lines
    assert figure_uri(figure).startswith("data:image/png;base64,")


def test_an_empty_history_is_refused(tmp_path):
    with pytest.raises(MoueError, match="history is empty"):
        figures.plot_history([], tmp_path / "curves.png")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_figures_of_scores_show_their_numbers(theme):
    scores = score([0, 0, 0, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6]], ("one", "two"))
    cells = [text.get_text() for text in figures.confusion_figure(scores, theme).axes[0].texts]
    assert cells == ["67%", "2", "33%", "1", "0%", "0", "100%", "1"]
    bars = [text.get_text() for text in figures.class_bars_figure(scores, theme).axes[0].texts]
    assert bars == ["100", "50", "67", "100", "80", "67"]
    legend = figures.reliability_figure(scores, scores, theme).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()][1:] == [
        f"{name}: ECE {100 * scores.ece:.1f} %" for name in ("as trained", "after temperature scaling")
    ]


def test_a_face_keeps_its_pixels():
    face = np.random.default_rng(1).integers(0, 256, (48, 48, 1), dtype=np.uint8)
    decoded = base64.b64decode(face_uri(face).partition(",")[2])
    with Image.open(io.BytesIO(decoded)) as image:
        assert (np.asarray(image) == face[..., 0]).all()
