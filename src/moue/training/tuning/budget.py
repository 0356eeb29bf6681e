"""How much a study may cost in all, over every process and interruption."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Final

from moue.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import optuna

DEFAULT_TRIALS: Final = 40


@dataclasses.dataclass(frozen=True)
class Budget:
    """Limits; the first that is reached ends the search. A trial that has begun is finished.

    Attributes:
        trials: Number of trials; None: no limit, or 40 if no other limit is given.
        hours: Hours of training, added up over all trials.
        epochs: Epochs of training, added up over all trials.

    Raises:
        SettingError: a limit is not above 0.
    """

    trials: int | None = None
    hours: float | None = None
    epochs: int | None = None

    def __post_init__(self) -> None:
        for name in ("trials", "hours", "epochs"):
            value = getattr(self, name)
            if value is not None and not (value > 0 and math.isfinite(value)):
                raise SettingError(f"a budget of {name} = {value}", "a number above 0", "Leave it out for no limit.")

    @property
    def max_trials(self) -> int | None:
        """The number of trials, if that limits the search."""
        unlimited = self.trials is None and self.hours is None and self.epochs is None
        return DEFAULT_TRIALS if unlimited else self.trials

    def allows(self, started: int) -> bool:
        """Return whether another trial may be started after `started` trials."""
        return self.max_trials is None or started < self.max_trials

    def is_spent(self, trials: Sequence[optuna.trial.FrozenTrial]) -> bool:
        """Return whether the hours or the epochs are used up."""
        # The epochs of a killed trial count in the trial that retries it.
        counted = [trial.user_attrs for trial in trials if trial.state.name != "FAIL"]
        seconds, epochs = (sum(attrs.get(name, 0) for attrs in counted) for name in ("seconds", "epochs"))
        return (self.hours is not None and seconds >= 3600 * self.hours) or (
            self.epochs is not None and epochs >= self.epochs
        )
