"""Class names in the spellings that data sets use."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moue.errors import MoueError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES, canonical_name

SPELLINGS = {
    "angry": ("angry", "Anger", "0", "0_angry", " ANGRY "),
    "disgust": ("disgusted", "1", "Disgust"),
    "fear": ("fearful", "Fear", "02-fear"),
    "happy": ("happiness", "Happy", "3_happy", "joy"),
    "sad": ("sadness", "4"),
    "surprise": ("surprised", "5"),
    "neutral": ("Neutral", "6"),
    "contempt": ("Contempt",),
    "not_face": ("NF", "not face"),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SPELLINGS.items() for text in texts])
def test_spellings(name, text):
    assert canonical_name(text) == name


@pytest.mark.parametrize("name", sorted({*CLASS_NAMES, *FERPLUS_NAMES}))
def test_names_stand_for_themselves(name):
    assert canonical_name(name) == name


@pytest.mark.parametrize("text", ["", "grumpy", "7", "-1", "²", "٣"])
def test_unknown_names_list_the_known(text):
    with pytest.raises(MoueError, match="one of angry, disgust, fear, happy, sad, surprise, neutral"):
        canonical_name(text)


@given(st.text())
def test_any_text_is_a_name_or_a_clear_error(text):
    with contextlib.suppress(MoueError):
        assert canonical_name(text) in {*CLASS_NAMES, *FERPLUS_NAMES}
