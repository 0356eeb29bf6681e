"""The results of the checks: `Finding` and `Diagnosis`."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class Level(enum.StrEnum):
    """What a finding means."""

    OK = "ok"
    NOTE = "note"  # worth knowing, nothing is broken
    ABSENT = "absent"  # an optional part is missing
    PROBLEM = "problem"


@dataclasses.dataclass(frozen=True)
class Finding:
    """One line of the doctor's report.

    Attributes:
        check: What was checked, in one or two words.
        level: What it means.
        text: What was found.
        fix: What to do about it; empty if nothing.
        values: The measured values, for programs.
    """

    check: str
    level: Level
    text: str
    fix: str = ""
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {**dataclasses.asdict(self), "level": str(self.level), "values": dict(self.values)}


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """All findings of the doctor.

    Attributes:
        findings: In the order of the checks.
    """

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether there is no problem."""
        return not self.problems

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings of the level `PROBLEM`."""
        return tuple(finding for finding in self.findings if finding.level is Level.PROBLEM)

    def summary(self) -> str:
        """Return the findings as text: one line each, with the advice below it."""
        lines = []
        for finding in self.findings:
            lines.append(f"{finding.level:<8} {finding.check:<11} {finding.text}")
            lines += [f"{'':21}{finding.fix}"] if finding.fix else []
        return "\n".join([*lines, self.verdict])

    __str__ = summary

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        number = len(self.problems)
        return "No problems found." if not number else f"{number} problem{'s' if number > 1 else ''} found."

    def to_dict(self) -> dict[str, Any]:
        """Return the findings as JSON values."""
        return {"ok": self.ok, "findings": [finding.to_dict() for finding in self.findings]}

    def to_json(self, *, indent: int | None = None) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)
