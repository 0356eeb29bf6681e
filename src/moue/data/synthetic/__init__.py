"""Faces drawn by moue itself, in the format of `fer2013.csv`."""

from moue.data.synthetic.dataset import synthesize

__all__ = ["synthesize"]
