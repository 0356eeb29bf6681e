"""A fake built page."""

import json

import pytest

from moue.page import built


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A built page with another model."""
    static = tmp_path / "static"
    (static / "model").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html>")
    (static / "model" / "0123.onnx").write_bytes(b"old")
    (static / "model.json").write_text("{}")
    listed = {"format": "moue-page", "version": "abc", "files": ["index.html", "model.json", "model/0123.onnx"]}
    (static / "moue-page.json").write_text(json.dumps(listed))
    monkeypatch.setattr(built, "_BUILT", static)
    return static
