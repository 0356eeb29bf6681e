"""The labels of a table: numbers or names, as the first one is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from moue.labels import CLASS_NAMES, class_of, name_classes, order_classes, refuse_clashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

LABEL_HEADINGS: Final = ("emotion", "expression", "label", "class")
"""Names of the label column; if a table has several, the first of these counts."""

_LONGEST: Final = 60


class LabelColumn:
    """Turns the texts of a label column into numbers.

    If the first label is a number, all labels are FER2013's numbers or follow `numbering`, and FER2013's names are
    accepted among them. If it is a name, all labels are names, of any classes.

    Args:
        numbering: The class of each number from 0 on, if numbers do not follow FER2013's order.
        source: The file with the labels, for messages.
    """

    def __init__(self, numbering: Sequence[str], source: str) -> None:
        self._numbering = numbering
        self._source = source
        self._names = order_classes(numbering) or CLASS_NAMES
        self._words: dict[str, int] = {}
        self.numbered: bool | None = None
        """Whether the labels are numbers; None before the first one."""

    @property
    def is_published(self) -> bool:
        """Whether a single digit means FER2013's number, as far as is known so far."""
        return not self._numbering and self.numbered is not False

    def number(self, word: str) -> int | str:
        """Return a provisional number for a label, for `finish`, or a message that says what is wrong with it."""
        if self.numbered is None:
            self.numbered = not word or word.isdigit() or word[:1] in "+-"
        shown = word[:20]
        if not self.numbered:
            if not word or word.isdigit() or len(word) > _LONGEST:
                return f"the label is {shown!r}, expected the name of a class, as in the first row"
            return self._words.setdefault(word, len(self._words))
        name = class_of(word, self._numbering)
        if name not in self._names:
            return f"emotion is {shown!r}, expected 0-{len(self._names) - 1} ({', '.join(self._names)})"
        return self._names.index(name)

    def finish(self, numbers: Sequence[int]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
        """Return the labels (N,) and the names of their classes.

        Args:
            numbers: What `number` returned for each face.

        Raises:
            MoueError: there are too many classes, or, among classes beyond FER2013's, two names for the same class.
        """
        if self.numbered is not False:
            return np.array(numbers, np.uint8), self._names
        words = list(self._words)
        used = [words[number] for number in sorted(set(numbers))]
        classes = name_classes(used)
        if not set(classes.values()) <= set(CLASS_NAMES):  # a published table may mix spellings
            refuse_clashes(used, classes, self._source)
        names = order_classes(classes.values())
        new_label = {words.index(word): names.index(name) for word, name in classes.items()}
        return np.array([new_label[number] for number in numbers], np.uint8), names
