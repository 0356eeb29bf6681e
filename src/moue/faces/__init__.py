"""Finding faces: one small interface, detectors chosen by name."""

from moue.faces.face import Detector, Face
from moue.faces.registry import DetectorOptions, detector_names, make_detector, register
from moue.faces.store import download

__all__ = ["Detector", "DetectorOptions", "Face", "detector_names", "download", "make_detector", "register"]
