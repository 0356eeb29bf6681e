"""Class names in the spellings that data sets use."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moue.errors import MoueError, SettingError
from moue.labels import CLASS_NAMES, FERPLUS_NAMES, canonical_name, class_among

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
def test_unknown_names_list_the_known_ones(text):
    with pytest.raises(MoueError, match="one of angry, disgust, fear, happy, sad, surprise, neutral"):
        canonical_name(text)


@given(st.text())
def test_any_text_is_a_name_or_a_clear_error(text):
    with contextlib.suppress(MoueError):
        assert canonical_name(text) in {*CLASS_NAMES, *FERPLUS_NAMES}


@pytest.mark.parametrize(
    ("text", "names", "meant"),
    [
        ("smile", ("happy", "sad"), "happy"),
        ("smile", ("happy", "no_smile", "smile"), "smile"),
        (" No smile", ("no_smile", "smile"), "no_smile"),
        ("Anger", CLASS_NAMES, "angry"),
        ("3", ("1", "2", "3"), "3"),
    ],
)
def test_a_class_is_found_by_its_own_or_a_common_spelling(text, names, meant):
    assert class_among(text, names) == meant


@pytest.mark.parametrize("text", ["joyful", "", "3", "contempt"])
def test_a_missing_class_is_a_setting_error(text):
    with pytest.raises(SettingError, match=r"unknown class '.*'\nexpected one of angry, disgust, fear, happy"):
        class_among(text, CLASS_NAMES)
