"""Detectors of faces: each file here that defines ``DETECTOR`` adds one."""
