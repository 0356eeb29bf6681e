"""Finding faces: one small interface, detectors chosen by name."""

from moue.inference.detection.face import Detector, Face
from moue.inference.detection.registry import DetectorOptions, detector_names, make_detector, register
from moue.inference.detection.store import download

__all__ = ["Detector", "DetectorOptions", "Face", "detector_names", "download", "make_detector", "register"]
