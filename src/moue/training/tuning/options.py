"""`TuneOptions`: the options of a study."""

from __future__ import annotations

import dataclasses

from moue.errors import SettingError
from moue.ray_cluster import refuse_address
from moue.training.tuning.budget import Budget
from moue.training.tuning.confirm import Confirm
from moue.training.tuning.data import refuse_fraction


@dataclasses.dataclass(frozen=True)
class TuneOptions:
    """The options of a study; `pruner`, `fraction` and `storage` are fixed when it begins.

    Attributes:
        budget: When the search ends.
        pruner: What stops hopeless trials at the end of an epoch: "median", "hyperband" or "none".
        fraction: The part of the training faces that trials see.
        confirm: How many of the best trials are trained again, and with how many new seeds.
        storage: URL of a database that several machines share; "": a SQLite file in the study's folder.
        command: The command line, for the page.
        ray: The Ray cluster that trains: "auto" for that of this machine, "HOST:PORT", or "local" to start one; "":
            none, this process trains.
        cpus_per_trial: CPUs of each training on a cluster.

    Raises:
        SettingError: a number is out of range, or `ray` is not an address.
    """

    budget: Budget = dataclasses.field(default_factory=Budget)
    pruner: str = "median"
    fraction: float = 1.0
    confirm: Confirm = dataclasses.field(default_factory=Confirm)
    storage: str = ""
    command: str = ""
    ray: str = ""
    cpus_per_trial: int = 2

    def __post_init__(self) -> None:
        refuse_fraction(self.fraction)
        if self.cpus_per_trial < 1:
            raise SettingError(f"cpus_per_trial is {self.cpus_per_trial}", "1 or more")
        if self.ray:
            refuse_address(self.ray)
