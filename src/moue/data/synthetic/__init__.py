"""Faces drawn by moue itself, in the format of fer2013.csv."""
