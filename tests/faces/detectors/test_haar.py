"""The Haar cascade of OpenCV 4."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from moue.errors import MissingExtraError
from moue.faces import Face, make_detector
from moue.faces.boxes import overlap

HOPPER = (183, 120, 170, 212)  # the face in matplotlib's sample photograph, x, y, width, height


@pytest.fixture(scope="module")
def photo():
    """A photograph of one face, uint8 (H, W, 3), that matplotlib ships."""
    matplotlib = pytest.importorskip("matplotlib")
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        pytest.skip("this matplotlib has no sample photograph")
    return np.asarray(Image.open(path).convert("RGB"))


def is_near(face, box, enough=0.6):
    return overlap(face, Face(*map(float, box)))[0] > enough


def test_haar_finds_a_frontal_face(photo):
    try:
        detector = make_detector("haar")
    except MissingExtraError:
        pytest.skip("OpenCV is not installed")
    assert any(is_near(face, HOPPER, 0.5) for face in detector.detect(photo))
    assert detector.detect(np.full((60, 80, 3), 128, np.uint8)) == []
