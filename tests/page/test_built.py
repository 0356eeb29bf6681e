"""The built page and its copy."""

from __future__ import annotations

import pytest

import moue.page
from moue.errors import MoueError
from moue.page import built


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A built page of two files."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")
    (static / "moue-page.json").write_text("{}")
    (static / "assets" / "a.js").write_text("1")
    monkeypatch.setattr(built, "_BUILT", static)
    return static


def test_the_folder_is_none_if_nothing_was_built(page):
    assert moue.page.folder() == page
    (page / "index.html").unlink()
    assert moue.page.folder() is None


def test_a_copy_is_complete_and_replaces_an_earlier_page_only_with_overwrite(page, tmp_path):
    out = tmp_path / "new" / "out"
    assert moue.page.copy(out) == out
    assert (out / "assets" / "a.js").read_text() == "1"
    (page / "assets" / "a.js").write_text("2")
    with pytest.raises(MoueError, match="already exists"):
        moue.page.copy(out)
    moue.page.copy(out, overwrite=True)
    assert (out / "assets" / "a.js").read_text() == "2"
    assert sorted(path.name for path in out.parent.iterdir()) == ["out"]


@pytest.mark.usefixtures("page")
def test_other_folders_are_never_replaced(tmp_path):
    other = tmp_path / "photos"
    other.mkdir()
    (other / "mine.jpg").write_text("")
    with pytest.raises(MoueError, match="not a page that moue wrote"):
        moue.page.copy(other, overwrite=True)
    assert (other / "mine.jpg").exists()


def test_without_a_built_page_the_error_says_how_to_build_it(page, tmp_path):
    (page / "index.html").unlink()
    with pytest.raises(MoueError, match="make page"):
        moue.page.copy(tmp_path / "out")
