"""The listener that `moue.tune` reports to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moue.training.tuning.results import TrialRow


class TuneListener:
    """Receives the events of a study; the default ignores them. Override its methods in a subclass."""

    def trial_ended(self, row: TrialRow) -> None:
        """Called when a trial has ended that this process trained, or had trained on a cluster."""

    def waiting(self, num_running: int) -> None:
        """Called when only trials that other processes are training are left."""

    def note(self, text: str) -> None:
        """Called with a remark; on a cluster, also from another thread."""
