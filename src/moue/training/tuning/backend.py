"""Optuna as this folder uses it: ``from moue.training.tuning.backend import optuna``."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from moue.errors import MissingExtraError

__all__ = ["optuna"]


class _LazyOptuna:
    """Stands for the module `optuna`, which is imported when one of its names is first used."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (any name of Optuna)
        try:
            loaded = importlib.import_module("optuna")
        except ImportError as error:
            raise MissingExtraError("optuna", "tune") from error
        loaded.logging.set_verbosity(loaded.logging.WARNING)
        return getattr(loaded, name)


if TYPE_CHECKING:
    import optuna
else:
    optuna = _LazyOptuna()
