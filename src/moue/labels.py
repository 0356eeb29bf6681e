"""The classes of FER2013 and FER+, in their published order, and the spellings the field uses for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moue.errors import MoueError

if TYPE_CHECKING:
    from collections.abc import Sequence

CLASS_NAMES: Final = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
"""FER2013's classes in label order 0-6 (Goodfellow et al. 2013, arXiv:1307.0414)."""

FERPLUS_NAMES: Final = (
    "neutral",
    "happy",
    "surprise",
    "sad",
    "angry",
    "disgust",
    "fear",
    "contempt",
    "unknown",
    "not_face",
)
"""FER+'s ten vote columns in file order (Barsoum et al. 2016, arXiv:1608.01041), in FER2013's spelling."""

_ALIASES: Final = {
    "angry": ("anger", "angry", "an", "mad"),
    "disgust": ("disgust", "disgusted", "di"),
    "fear": ("fear", "fearful", "fe", "afraid", "scared", "anxiety"),
    "happy": ("happy", "happiness", "ha", "joy", "smile"),
    "sad": ("sad", "sadness", "sa"),
    "surprise": ("surprise", "surprised", "su"),
    "neutral": ("neutral", "neutrality", "ne", "calm"),
    "contempt": ("contempt", "contemptuous"),
    "unknown": ("unknown",),
    "not_face": ("not_face", "nf", "notface"),
}
_BY_ALIAS: Final = {alias: name for name, aliases in _ALIASES.items() for alias in aliases}


def canonical_name(text: str) -> str:
    """Return FER2013's name for any usual spelling of a class.

    Numbers are FER2013 labels; a leading number as in ``"3_happy"`` is ignored.

    Args:
        text: A class or folder name, e.g. ``"Anger"``, ``"happiness"``, ``"4"``, ``"00-Disgusted"``.

    Raises:
        MoueError: the name is not known; the message lists the known ones.
    """
    word = text.strip().lower()
    if word.isascii() and word.isdigit() and len(word) < 4 and int(word) < len(CLASS_NAMES):
        return CLASS_NAMES[int(word)]
    for candidate in (word, word.lstrip("0123456789").strip(" _-.")):
        name = _BY_ALIAS.get(candidate.replace(" ", "_").replace("-", "_"))
        if name is not None:
            return name
    raise MoueError(f"unknown class {text!r}", f"one of {', '.join(CLASS_NAMES)}", "Rename it, or use FER2013's names.")


def class_of(text: str, numbering: Sequence[str] = ()) -> str:
    """Return the class that a label, column or folder name means, or an empty text where it means none.

    Args:
        text: As for `canonical_name`.
        numbering: The class of each number from 0 on, where a bare number does not follow FER2013's order.
    """
    word = text.strip()
    if numbering and word.isascii() and word.isdigit():
        number = int(word) if len(word) < 4 else len(numbering)
        return numbering[number] if number < len(numbering) else ""
    try:
        return canonical_name(word)
    except MoueError:
        return ""
