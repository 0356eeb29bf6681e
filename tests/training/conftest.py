"""What several tests of training share."""

from __future__ import annotations

import pytest


@pytest.fixture
def without_export(monkeypatch):
    """Train without the export at the end, which takes longer than the training and has its own tests."""
    from moue.training import train as train_module

    monkeypatch.setattr(train_module, "export_run", lambda *_: None)
