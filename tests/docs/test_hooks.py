"""The pre-commit hooks run the same tools as `make check`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_hooks_have_the_versions_of_the_lock_file():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    locked = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8").splitlines()
    named = re.findall(r"[\w-]+==[\w.]+", hooks)
    assert len(named) >= 5
    assert set(named) <= set(locked)
