"""moue's raw head `emotion`, which was trained on FER2013's labels; not run on photos."""

from __future__ import annotations

import worker
from with_moue import Moue


class MoueEmotion(Moue):
    """The head for scores on FER2013's own labels."""

    head = "emotion"

    def find(self, path: str) -> None:
        """Return None: `expression` is used for photos."""


if __name__ == "__main__":
    worker.main(MoueEmotion)
