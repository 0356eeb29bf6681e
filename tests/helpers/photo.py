"""The face in matplotlib's sample photograph."""

from moue.faces import Face
from moue.faces.boxes import overlap

HOPPER = (183, 120, 170, 212)
"""x, y, width, height."""


def is_near(face, box, enough=0.6):
    """Return whether a face's box shares enough of its union with another."""
    return overlap(face, Face(*map(float, box)))[0] > enough
