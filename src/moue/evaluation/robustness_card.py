"""The robustness section of a model card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from moue.evaluation.corruptions import STRENGTHS, list_corruptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from moue.classifier.spec import ModelSpec
    from moue.evaluation.robustness import Robustness

KEY: Final = "robustness"
"""Key of the summary among the scores of a description."""

_DIGITS: Final = 4


def robustness_summary(result: Robustness, onnx_sha256: str) -> dict[str, Any]:
    """Return the numbers of a card as fractions; the accuracy under a corruption is a mean over five strengths.

    Args:
        result: The result on PrivateTest.
        onnx_sha256: SHA-256 of the measured ONNX file.
    """
    overall, outputs = result.selective[0], {}
    for mirror in result.mirror:
        name = mirror.output
        rows = [row for row in result.corruptions if row.output == name]
        outputs[name] = {
            "clean": round(1 - result.clean[name], _DIGITS),
            "mirrored": round(mirror.accuracy, _DIGITS),
            "same_when_mirrored": round(mirror.same, _DIGITS),
            "damaged": round(1 - result.mean_error[name], _DIGITS),
            "corruptions": {row.corruption: round(1 - sum(row.errors) / len(STRENGTHS), _DIGITS) for row in rows},
        }
    return {
        "onnx_sha256": onnx_sha256,
        "outputs": outputs,
        "mce": None if result.mce is None else round(result.mce, _DIGITS),
        "reference": result.reference,
        "sure_share": round(overall.sure_share, _DIGITS),
        "sure_accuracy": round(overall.sure_accuracy, _DIGITS),
        "accuracy": round(overall.accuracy, _DIGITS),
    }


def robustness_section(spec: ModelSpec) -> str:
    """Return the section of a card, or a note that the model was not measured."""
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
    for output, figures in summary["outputs"].items():
        shares = [figures["clean"], figures["mirrored"], *(figures["corruptions"][name] for name in names)]
        lines.append(_row(f"`{output}`", *(f"{100 * share:.0f} %" for share in (*shares, figures["damaged"]))))
    same = " and ".join(f"{100 * figures['same_when_mirrored']:.0f} %" for figures in summary["outputs"].values())
    sure, correct, accuracy = (100 * summary[key] for key in ("sure_share", "sure_accuracy", "accuracy"))
    lines += ["", f"Mirrored faces get the same prediction in {same} of cases. {sure:.0f} % of the predictions are not"]
    lines.append(f"`unsure`; {correct:.1f} % of those are correct, and {accuracy:.1f} % of all.")
    if summary["mce"] is not None:
        lines.append(f"Mean corruption error: {100 * summary['mce']:.0f} % of that of {summary['reference']}.")
    return "\n".join(lines)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
