"""Face detectors: each file here that defines ``DETECTOR`` adds one."""
