"""A photograph of one face that the tests of all detectors may use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="module")
def photo():
    """A photograph of one face, uint8 (H, W, 3), that matplotlib ships."""
    matplotlib = pytest.importorskip("matplotlib")
    path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    if not path.is_file():
        pytest.skip("this matplotlib has no sample photograph")
    return np.asarray(Image.open(path).convert("RGB"))
