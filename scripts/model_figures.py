"""Measure every registered network and write src/moue/training/models/figures.json; run it after changing one."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from moue.files import write_json
from moue.training.models import figures


def main() -> None:
    """Write the file next to the module that reads it."""
    target = Path(figures.__file__).with_name(figures.FILE)
    write_json(target, {name: dataclasses.asdict(values) for name, values in figures.measure_figures().items()})
    print(f"wrote {target}")


if __name__ == "__main__":
    main()
