"""None or a number instead of a path raises a clear error everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import moue
from moue.files import as_path

if TYPE_CHECKING:
    from collections.abc import Callable

_LOADERS: dict[str, Callable[[Any], object]] = {
    "the model": moue.Classifier.load,
    "the data": moue.load_dataset,
    "the recipe": moue.TrainConfig.from_recipe,
    "the run": moue.write_report,
}


@pytest.mark.parametrize("what", _LOADERS)
@pytest.mark.parametrize(("value", "came"), [(None, "None"), (3, "of type int"), (b"x", "of type bytes")])
def test_no_path(what: str, value: object, came: str) -> None:
    with pytest.raises(moue.MoueError) as caught:
        _LOADERS[what](value)
    assert caught.value.came == f"{what} is {came}"
    assert "pathlib.Path" in caught.value.fix


def test_no_list_of_models() -> None:
    for value in (None, "small"):
        with pytest.raises(moue.MoueError, match="a list of them"):
            moue.Ensemble.load(value)  # type: ignore[arg-type]


def test_no_dataset() -> None:
    data: Any = "fer2013.csv"
    for call in (moue.audit, lambda value: moue.evaluate("small", value)):
        with pytest.raises(moue.MoueError, match="the data is of type str\nexpected a Dataset"):
            call(data)


def test_path_is_kept() -> None:
    assert str(as_path("a/b.csv", "the data")) == "a/b.csv"
