"""Whom `moue.tune` tells what it does: a program that shows it, or nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moue.training.tuning.results import TrialRow


class TuneListener:
    """Is told what a study does; make a subclass of it."""

    def trial_ended(self, row: TrialRow) -> None:
        """Take a trial that this process has trained, or had trained on a cluster."""

    def waiting(self, num_running: int) -> None:
        """Take that nothing is left but trials that other processes are training."""

    def note(self, text: str) -> None:
        """Take a remark; on a cluster, also from another thread."""
