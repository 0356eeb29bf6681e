"""`Ensemble`: several networks that answer as one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from moue.classifier.classifier import Classifier
from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from moue.classifier.preprocess import Images


class Ensemble:
    """Networks whose probabilities are averaged; each sees the pictures in its own way.

    Attributes:
        members: The networks.
    """

    def __init__(self, members: Iterable[Classifier]) -> None:
        """Check that the networks answer the same question.

        Raises:
            MoueError: there is none, or a head of two networks has different classes.
        """
        self.members: tuple[Classifier, ...] = tuple(members)
        if not self.members:
            raise MoueError("an ensemble of no networks", "one or more")
        seen: dict[str, Classifier] = {}
        for member in self.members:
            for head in member.spec.heads:
                other = seen.setdefault(head.name, member)
                if other.class_names(head.name) != head.class_names:
                    raise MoueError(
                        f"head {head.name!r} of {member.path} answers {', '.join(head.class_names)}",
                        f"{', '.join(other.class_names(head.name))} as {other.path} does",
                        "Leave out one of the two.",
                    )

    def __repr__(self) -> str:
        return f"Ensemble({', '.join(str(member.path) for member in self.members)})"

    @classmethod
    def load(cls, names_or_paths: Sequence[str | Path], *, threads: int | None = None) -> Ensemble:
        """Load networks as `Classifier.load` does and check them against each other.

        Args:
            names_or_paths: Run folders, ONNX files or names of shipped networks.
            threads: CPU threads of one prediction, as for `Classifier.load`; the networks take turns.

        Raises:
            MoueError: as `Classifier.load`, or the networks do not fit together.
        """
        return cls(Classifier.load(name, threads=threads) for name in names_or_paths)

    def class_names(self, head: str = "emotion") -> tuple[str, ...]:
        """Return the names of a head's classes, in the order of `predict_proba`'s columns.

        Raises:
            MoueError: a network has no such head.
        """
        names = [member.class_names(head) for member in self.members]
        return names[0]

    def predict_proba(
        self, images: Images, *, head: str = "emotion", calibrated: bool = True, batch_size: int = 64
    ) -> NDArray[np.float32]:
        """Return the mean of the networks' probabilities.

        Args:
            images: As for `Classifier.predict_proba`.
            head: Which answer; every network must have it.
            calibrated: Average what each says after its own temperature, so that an overconfident network does not
                outshout the others; False averages what the networks themselves say.
            batch_size: Faces per run of a network.

        Returns:
            float32 (N, K), rows sum to 1; (0, K) for zero faces.

        Raises:
            MoueError: as `Classifier.predict_proba`.
        """
        self.class_names(head)  # before the first network works in vain
        answers = (
            member.predict_proba(images, head=head, calibrated=calibrated, batch_size=batch_size)
            for member in self.members
        )
        total: NDArray[np.float64] = np.sum(list(answers), axis=0, dtype=np.float64)
        return (total / len(self.members)).astype(np.float32)
