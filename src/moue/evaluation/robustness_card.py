"""The short table of robustness in a model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moue.evaluation.corruptions import STRENGTHS, list_corruptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moue.classifier.spec import ModelSpec
    from moue.evaluation.robustness import Robustness

KEY: Final = "robustness"
"""Where a description keeps the summary, among its scores."""

_DIGITS: Final = 4


def robustness_summary(found: Robustness, onnx_sha256: str) -> dict[str, Any]:
    """Return the figures that a card shows: fractions, the accuracy under each corruption a mean over five strengths.

    Args:
        found: What was measured on PrivateTest.
        onnx_sha256: The network that it was measured of.
    """
    every, answers = found.selective[0], {}
    for mirror in found.mirror:
        name = mirror.output
        rows = [one for one in found.corruptions if one.output == name]
        answers[name] = {
            "clean": round(1 - found.clean[name], _DIGITS),
            "mirrored": round(mirror.accuracy, _DIGITS),
            "same_when_mirrored": round(mirror.same, _DIGITS),
            "damaged": round(1 - found.mean_error[name], _DIGITS),
            "corruptions": {one.corruption: round(1 - sum(one.errors) / len(STRENGTHS), _DIGITS) for one in rows},
        }
    return {
        "onnx_sha256": onnx_sha256,
        "outputs": answers,
        "mce": None if found.mce is None else round(found.mce, _DIGITS),
        "reference": found.reference,
        "sure_share": round(every.sure_share, _DIGITS),
        "sure_accuracy": round(every.sure_accuracy, _DIGITS),
        "accuracy": round(every.accuracy, _DIGITS),
    }


def robustness_section(spec: ModelSpec) -> str:
    """Return the section of a card; it says so where the network was not measured."""
    summary: Mapping[str, Any] | None = spec.scores.get(KEY)
    if summary is None or summary["onnx_sha256"] != spec.onnx_sha256:
        return "Not measured for these weights: `moue evaluate NAME fer2013.csv --robustness`."
    names = tuple(list_corruptions())
    lines = [
        "Accuracy on damaged faces, mean over five strengths (FER2013-C; see docs/robustness.md):",
        "",
        _row("", "undamaged", "mirrored", *names, "all eleven"),
        f"|{'---|' * (len(names) + 4)}",
    ]
    for answer, figures in summary["outputs"].items():
        shares = [figures["clean"], figures["mirrored"], *(figures["corruptions"][name] for name in names)]
        lines.append(_row(f"`{answer}`", *(f"{100 * share:.0f} %" for share in (*shares, figures["damaged"]))))
    same = " and ".join(f"{100 * one['same_when_mirrored']:.0f} %" for one in summary["outputs"].values())
    sure, right, every = (100 * summary[key] for key in ("sure_share", "sure_accuracy", "accuracy"))
    lines += ["", f"Mirrored faces get the same prediction in {same} of cases. {sure:.0f} % of the predictions are not"]
    lines.append(f"`unsure`; {right:.1f} % of those are correct, and {every:.1f} % of all.")
    if summary["mce"] is not None:
        lines.append(f"Mean corruption error: {100 * summary['mce']:.0f} % of that of {summary['reference']}.")
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
