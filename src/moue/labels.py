"""Class names: FER2013's and FER+'s in their published order, common spellings of them, and the user's own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from moue.errors import MoueError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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

MAX_CLASSES: Final = 100
"""More classes than this are refused: then the column or folder probably does not hold classes."""

_KNOWN: Final = (*CLASS_NAMES, *(name for name in FERPLUS_NAMES if name not in CLASS_NAMES))
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
    """Return FER2013's name for any common spelling of a class.

    Numbers are FER2013 labels; a leading number as in ``"3_happy"`` is ignored.

    Args:
        text: A class or folder name, e.g. ``"Anger"``, ``"happiness"``, ``"4"``, ``"00-Disgusted"``.

    Raises:
        MoueError: the name is unknown; the message lists the known ones.
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
    """Return the class that a label, column or folder name means, or an empty string.

    Args:
        text: As for `canonical_name`.
        numbering: The class of each number from 0 on, if numbers do not follow FER2013's order.
    """
    word = text.strip()
    if numbering and word.isascii() and word.isdigit():
        number = int(word) if len(word) < 4 else len(numbering)
        return numbering[number] if number < len(numbering) else ""
    try:
        return canonical_name(word)
    except MoueError:
        return ""


def class_among(text: str, names: Sequence[str]) -> str:
    """Return the class, among several, that a user's text means.

    Args:
        text: The name, in any case. A class of that name comes first, then a common spelling: "joy" means happy.
        names: The available classes.

    Raises:
        SettingError: no class matches; the message lists them.
    """
    word = text.strip()
    for name in names:
        if _key(name) == _key(word):
            return name
    meant = "" if word.isdigit() else class_of(word)  # a number may follow another order than FER2013's
    if meant not in names:
        raise SettingError(f"unknown class {word!r}", f"one of {', '.join(names)}")
    return meant


def name_classes(words: Iterable[str], numbering: Sequence[str] = ()) -> dict[str, str]:
    """Return the class that each word of a data set means.

    If every word is a common spelling of a known class, the classes get FER2013's and FER+'s names ("Anger" is angry).
    Otherwise they are the user's own classes and keep their spelling; only the known names themselves are still
    recognised ("Happy" is happy, but "smile" beside "no_smile" stays smile).

    Args:
        words: All different labels or folder names.
        numbering: As for `class_of`.

    Raises:
        MoueError: there are more than 100 classes.
    """
    plain = {word: class_of(word, numbering) for word in words}
    if not all(plain.values()):
        spelling: dict[str, str] = {}
        for word in sorted(plain):
            own = numbering[int(word)] if plain[word] in numbering and word.strip().isdigit() else word.strip()
            plain[word] = spelling.setdefault(_key(own), _key(own) if _key(own) in _KNOWN else own)
    names = sorted(set(plain.values()))
    if len(names) > MAX_CLASSES:
        raise MoueError(
            f"{len(names):,} classes: {', '.join(names[:3])}, …",
            f"2 to {MAX_CLASSES}",
            "Check which column or which level of folders holds the classes.",
        )
    return plain


def refuse_clashes(words: Iterable[str], classes: dict[str, str], source: str) -> None:
    """Check that no two words in the same place mean the same class.

    Args:
        words: The class folders of one folder, or the labels of one column.
        classes: What `name_classes` returned.
        source: The place, for the message.

    Raises:
        MoueError: two words mean the same class.
    """
    first: dict[str, str] = {}
    for word in sorted(set(words)):
        other = first.setdefault(classes[word], word)
        if other != word:
            raise MoueError(
                f"{source} has {other!r} and {word!r}, which are both the class {classes[word]!r}",
                "one name for each class",
                "Merge the two, or give one of them another name.",
            )


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Return distinct class names in label order: the known ones in their published order, then the user's own."""
    distinct = set(names)
    known = [name for name in _KNOWN if name in distinct]
    return (*known, *sorted(distinct.difference(known), key=_natural))


def _key(word: str) -> str:
    """Return a key that is the same for all spellings of a name that differ in case or separators."""
    return re.sub(r"[\s_-]+", "_", word.strip().casefold())


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """Return a sort key that compares numbers inside names by their value."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)
