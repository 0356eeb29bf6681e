"""Detectors by name, their options, and a new one in a file."""

import numpy as np
import pytest

from moue.errors import MoueError
from moue.faces import detector_names, make_detector


def test_names_are_known_and_unique():
    assert detector_names() == ("auto", "none", "own", "yunet")
    with pytest.raises(MoueError, match="auto, none, own, yunet"):
        make_detector("mtcnn")


def test_each_detector_has_its_own_options():
    with pytest.raises(MoueError, match=r"own has no option 'turns'\nexpected score_threshold, min_size, threads"):
        make_detector("own", turns=False)
    with pytest.raises(MoueError, match="none has no option 'model'\nexpected no options"):
        make_detector("none", model="x.onnx")
    assert make_detector("none", video=True, model=None).name == "none"


def test_a_file_in_the_folder_is_a_detector(monkeypatch, tmp_path):
    """A new detector is one new file; its name is nowhere else."""
    from moue.faces import detectors, registry

    (tmp_path / "corner.py").write_text(
        "from moue.faces import Face\n"
        "from moue.faces.registry import DetectorKind\n"
        "class Corner:\n"
        "    name = 'corner'\n"
        "    def __init__(self, *, side: float = 8):\n"
        "        self.side = side\n"
        "    def detect(self, image):\n"
        "        return [Face(0, 0, self.side, self.side)]\n"
        "DETECTOR = DetectorKind('corner', Corner, preference=9, for_video={'side': 4})\n"
    )
    monkeypatch.setattr(detectors, "__path__", [*detectors.__path__, str(tmp_path)])
    registry.detectors.cache_clear()
    image = np.zeros((9, 9, 3), np.uint8)
    try:
        assert make_detector("corner").detect(image)[0].width == 8
        assert make_detector(video=True).detect(image)[0].width == 4
        assert make_detector(side=2).detect(image)[0].width == 2
        assert "corner" in detector_names()
    finally:
        registry.detectors.cache_clear()


def test_none_returns_the_whole_image():
    (face,) = make_detector("none").detect(np.zeros((30, 40, 3), np.uint8))
    assert face.box == (0, 0, 40, 30)
    assert face.landmarks is None
