"""Ordinary photos with labelled faces: faces found, false boxes, and correct expressions.

Run: python benchmarks/photos.py LABELS_JSON [--model RUN] [--detector NAME] [--detector-model FILE]

LABELS_JSON is a list of photos, each with file (in the same folder), faces [{box: [x, y, width, height], expression}]
and optionally ignore [box]; an expression that people would not agree on is "unclear". A face counts as found if its
IoU with a box is at least 0.4, or if each contains the other's centre. Prints a table in Markdown.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moue.classifier.classifier import Classifier
from moue.faces import Face, make_detector
from moue.faces.scoring import pair_faces, same_face
from moue.recognition.analyzer import Analyzer

if TYPE_CHECKING:
    from moue.recognition.face_result import FaceResult
    from moue.recognition.image_result import ImageResult

UNCLEAR = "unclear"


def pair(entry: dict[str, Any], result: ImageResult) -> tuple[list[FaceResult | None], int]:
    """Return the result for each labelled face (None if missed), and the number of false boxes."""
    boxes = [Face(*face.box) for face in result.faces]
    pairs, left = pair_faces([Face(*label["box"]) for label in entry["faces"]], boxes)
    ignored = [Face(*box) for box in entry.get("ignore", [])]
    num_false = sum(not any(same_face(box, boxes[number]) for box in ignored) for number in left)
    return [None if number is None else result.faces[number] for number in pairs], num_false


def describe(label: dict[str, Any], face: FaceResult | None) -> str:
    """Return the text for one face: the prediction, and the label if it differs."""
    if face is None:
        return f"{label['expression']}: missed"
    prediction = f"{face.emotion}{'?' if face.unsure else ''}"
    return prediction if face.emotion == label["expression"] else f"{prediction} (is {label['expression']})"


def main() -> int:
    """Print the table and the totals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("--model", default="small")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--detector-model")
    options = parser.parse_args()
    entries = json.loads(options.labels.read_text(encoding="utf-8"))
    analyzer = Analyzer(Classifier.load(options.model), make_detector(options.detector, model=options.detector_model))
    began = time.process_time()
    results = list(analyzer.analyze_many(options.labels.parent / entry["file"] for entry in entries))
    cpu_ms = 1e3 * (time.process_time() - began) / max(1, len(entries))
    print("| photo | pixels | what | faces | found | false | predictions |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    total = dict.fromkeys(("faces", "found", "false", "clear", "right", "given"), 0)
    for entry, result in zip(entries, results, strict=True):
        found, num_false = pair(entry, result)
        pairs = list(zip(entry["faces"], found, strict=True))
        clear = [(label, face) for label, face in pairs if label["expression"] != UNCLEAR]
        boxes = [label["box"] for label, _ in clear]
        given = analyzer.analyze(options.labels.parent / entry["file"], boxes=boxes).faces
        total["faces"] += len(found)
        total["found"] += sum(face is not None for face in found)
        total["false"] += num_false
        total["clear"] += len(clear)
        total["right"] += sum(face is not None and face.emotion == label["expression"] for label, face in clear)
        total["given"] += sum(
            face.emotion == label["expression"] for (label, _), face in zip(clear, given, strict=True)
        )
        cells = ", ".join(describe(label, face) for label, face in pairs)
        num_found = sum(face is not None for face in found)
        size, tags = f"{result.width}x{result.height}", ", ".join(entry.get("tags", []))
        print(f"| {entry['file'][:8]} | {size} | {tags} | {len(found)} | {num_found} | {num_false} | {cells} |")
    share = f"{total['right'] / max(1, total['clear']):.0%}, {total['given']} when the box is given"
    print(
        f"\n{analyzer.detector.name}: {total['found']} of {total['faces']} faces found, {total['false']} false boxes;"
    )
    print(f"{total['right']} of {total['clear']} clear expressions correct ({share}); {cpu_ms:.0f} CPU ms per photo.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
