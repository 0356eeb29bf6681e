"""The Haar cascade of OpenCV 4."""

import numpy as np
import pytest

from helpers.photo import HOPPER, is_near
from moue.errors import MissingExtraError
from moue.faces import make_detector


def test_haar_finds_a_frontal_face(photo):
    try:
        detector = make_detector("haar")
    except MissingExtraError:
        pytest.skip("OpenCV is not installed")
    assert any(is_near(face, HOPPER, 0.5) for face in detector.detect(photo))
    assert detector.detect(np.full((60, 80, 3), 128, np.uint8)) == []
