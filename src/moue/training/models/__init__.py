"""The registered models, one file per family."""

from moue.training.models.cost import count_multiply_adds
from moue.training.models.registry import ModelEntry, build_model, list_models, register

__all__ = ["ModelEntry", "build_model", "count_multiply_adds", "list_models", "register"]
