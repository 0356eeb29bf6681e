"""How the next values are chosen, and which trials are stopped early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from moue.errors import SettingError
from moue.training.tuning.backend import optuna

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RETRY_OF: Final = "retry_of"
"""Attribute of a trial that retries a killed one: the number of the killed trial."""
PRUNERS: Final = ("median", "hyperband", "none")


class RepeatableSampler(optuna.samplers.BaseSampler):
    """TPE whose random numbers are a function of seed and trial (Bergstra et al. 2011; multivariate, Falkner 2018).

    Optuna does not save the state of a sampler, so an interrupted study would continue with other random numbers. Here
    each trial has its own. A trial that retries a killed one does not count.

    Args:
        seed: The seed of the study.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._inner = self._make(0)

    def _make(self, place: int) -> optuna.samplers.TPESampler:
        seed = int(np.random.default_rng((self._seed, place)).integers(2**31))
        # Values that another process is trying count as bad ones, so that no two processes try nearly the same.
        return optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True)

    def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        """Seed the sampler for this trial."""
        others = study.get_trials(deepcopy=False)
        retries = sum(RETRY_OF in other.user_attrs for other in others if other.number < trial.number)
        self._inner = self._make(trial.number - retries)

    def infer_relative_search_space(
        self, study: optuna.Study, trial: optuna.trial.FrozenTrial
    ) -> dict[str, optuna.distributions.BaseDistribution]:
        """Return the parameters that are sampled together."""
        return self._inner.infer_relative_search_space(study, trial)

    def sample_relative(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        search_space: dict[str, optuna.distributions.BaseDistribution],
    ) -> dict[str, Any]:
        """Sample them."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        param_name: str,
        param_distribution: optuna.distributions.BaseDistribution,
    ) -> Any:  # noqa: ANN401 (as in Optuna)
        """Sample a single parameter, as in the first trials."""
        return self._inner.sample_independent(study, trial, param_name, param_distribution)

    def after_trial(
        self,
        study: optuna.Study,
        trial: optuna.trial.FrozenTrial,
        state: optuna.trial.TrialState,
        values: Sequence[float] | None,
    ) -> None:
        """Pass the result of a trial to TPE."""
        self._inner.after_trial(study, trial, state, values)


def make_pruner(name: str, epochs: int) -> optuna.pruners.BasePruner:
    """Return the rule that stops hopeless trials at the end of an epoch.

    Args:
        name: One of `PRUNERS`.
        epochs: The epochs of a full trial.

    Raises:
        SettingError: unknown name.
    """
    if name == "median":
        # The first quarter of a training says little, least of all with a warm-up or averaged weights.
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=max(1, epochs // 4) + 1)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=epochs, reduction_factor=3)
    if name == "none":
        return optuna.pruners.NopPruner()
    raise SettingError(f"unknown pruner {name!r}", f"one of {', '.join(PRUNERS)}", "none stops no trial.")


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return in words where two descriptions of a study differ; empty if they do not."""
    names = sorted({*before, *now})
    words = []
    for name in names:
        there, here = before.get(name), now.get(name)
        if isinstance(there, dict) and isinstance(here, dict):
            inner = difference(there, here)
            words += [f"{name}: {inner}"] if inner else []
        elif there != here:
            words.append(f"{name}: {there!r:.60} there, {here!r:.60} now")
    return "; ".join(words)
