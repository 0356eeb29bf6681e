"""Face detection: a small interface, and detectors chosen by name."""

from moue.faces.face import Detector, Face
from moue.faces.registry import detector_names, make_detector
from moue.faces.store import download

__all__ = ["Detector", "Face", "detector_names", "download", "make_detector"]
