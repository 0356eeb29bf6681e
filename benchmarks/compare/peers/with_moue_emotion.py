"""moue's raw head `emotion`, which was trained on FER2013's labels; it answers no photos."""

from __future__ import annotations

import worker
from with_moue import Moue


class MoueEmotion(Moue):
    """The head that FER2013's benchmark is scored with."""

    head = "emotion"

    def find(self, path: str) -> None:
        """Return None: photos are answered by `expression`."""


if __name__ == "__main__":
    worker.main(MoueEmotion)
