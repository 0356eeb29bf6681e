"""The page: expressions in the browser, on the visitor's own machine. Its sources are in ``web/`` of the repository."""

from moue.page.built import copy, folder

__all__ = ["copy", "folder"]
