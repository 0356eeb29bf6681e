"""Finding faces: one small interface, detectors chosen by name."""
