"""The page: expression recognition in the visitor's browser. Its sources are in ``web/`` of the repository."""

from moue.page.built import copy, folder

__all__ = ["copy", "folder"]
