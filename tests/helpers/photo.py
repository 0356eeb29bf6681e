"""The face in matplotlib's sample photograph."""

from moue.faces import Face
from moue.faces.boxes import overlap

HOPPER = (183, 120, 170, 212)
"""x, y, width, height."""


def is_near(face, box, min_overlap=0.6):
    """Return whether the intersection over union of a face's box and another box is above `min_overlap`."""
    return overlap(face, Face(*map(float, box)))[0] > min_overlap
