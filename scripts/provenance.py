"""Write the licence and provenance record of each shipped weight file: python scripts/provenance.py.

The facts about a file are in its description, the JSON file of the same name. The facts about data sets, and the
commands that make each model file, are in this script. The records provide the terms of the data in the descriptions
(which the cards and `moue publish` show) and the table in docs/use.md, so run this after changing a weight file or this
script.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import Any

from moue.classifier.locate import WEIGHTS
from moue.classifier.provenance import SUFFIX, Provenance, Source
from moue.classifier.spec import ModelSpec
from moue.evaluation.model_card import model_card
from moue.files import read_json, sha256_of, write_json, write_text

USE = Path(__file__).parents[1] / "docs" / "use.md"
MARKS = "<!-- origin: made by `python scripts/provenance.py` -->", "<!-- end of origin -->"
FER2013 = ("FER2013", "Goodfellow et al. 2013, arXiv:1307.0414; Kaggle, Challenges in Representation Learning")
FERPLUS = ("FER+", "Barsoum et al. 2016, arXiv:1608.01041; github.com/microsoft/FERPlus")
CK = ("CK+", "Lucey et al. 2010, the extended Cohn-Kanade dataset: 285 crops of 34 people")
CK_CHECKSUM = "a682ed77a87c70b3dd33f4c07697c24e3466fb7aea85ce4f2778112804ffad19"  # load_dataset(FOLDER).checksum
# All commands that make the file, in order. They must include the training command in the description.
COMMANDS = {
    "small": (
        "moue train fer2013.csv --recipe small --ferplus fer2013new.csv --out runs/small-0",
        "moue export runs/small-0 fer2013.csv --ferplus fer2013new.csv --half",
        "python scripts/ship.py runs/small-0 small",
        "python scripts/fit_expression.py src/moue/weights/small.onnx fer2013.csv fer2013new.csv --also posed",
    ),
    "base": (
        (
            "moue train fer2013.csv --recipe base --ferplus fer2013new.csv --set precision=mixed_bfloat16 "
            "--out runs/base"
        ),
        "moue export runs/base fer2013.csv --ferplus fer2013new.csv --half --also posed",
        "python scripts/ship.py runs/base base",
    ),
    "small_robust": (
        (
            "moue train fer2013.csv --recipe harden --set initial_weights=small --ferplus fer2013new.csv "
            "--out runs/hardened"
        ),
        (
            "moue distill fer2013.csv --teacher small --teacher runs/hardened --views flip --recipe harden_distilled "
            "--set initial_weights=runs/hardened --ferplus fer2013new.csv --out runs/small_robust"
        ),
        "moue export runs/small_robust fer2013.csv --ferplus fer2013new.csv --half --also posed",
        "python scripts/ship.py runs/small_robust small_robust",
    ),
}
UNRESOLVED = "image rights unresolved: the images came from a web search, and nobody cleared their rights"
NOT_FOR = (
    "inferring emotions of people at work or in education: Regulation (EU) 2024/1689, article 5(1)(f)",
    "decisions about people",
    "telling what a person feels, thinks or intends",
)


def record_of(path: Path) -> Provenance:
    """Return the record of a weight file, from its description."""
    about: dict[str, Any] = read_json(path.with_suffix(".json"))
    detector = about["format"] == "moue-detector"
    return Provenance(
        file=path.name,
        sha256=sha256_of(path),
        purpose="finds faces in images" if detector else "names the expression of a face, 48x48 gray",
        licence={"code": about["license"]["code"], "weights": about["license"]["weights"]},
        made_by=_detector_made_by(about) if detector else _made_by(path.stem, about),
        data=_detector_data(about) if detector else _expression_data(about),
        not_for=("recognising or counting people",) if detector else NOT_FOR,
    )


def _detector_made_by(about: dict[str, Any]) -> dict[str, Any]:
    known = dict(about["training"])
    return {"commands": [known.pop("command")], **known}


def commands_of(name: str, origin: str) -> list[str]:
    """Return all commands that make a model file; exit if they lack the training command in its description."""
    commands = COMMANDS.get(name, ())
    if not any(f"`{command}`" in origin for command in commands):
        sys.exit(f"{name} was {origin}, which is not in COMMANDS in {__file__}\nlist there how it was made")
    return list(commands)


def _made_by(name: str, about: dict[str, Any]) -> dict[str, Any]:
    return {
        "commands": commands_of(name, about["provenance"]),
        "recipe": about["recipe"]["recipe"],
        "seed": about["recipe"]["seed"],
        "versions": about["versions"],
    }


def _expression_data(about: dict[str, Any]) -> tuple[Source, ...]:
    data = about["data"]
    num_train = sum(data["counts"]["train"].values())
    sources = [
        Source(*FER2013, f"{num_train:,} Training faces to fit, PublicTest for choices", UNRESOLVED, data["checksum"])
    ]
    if data.get("votes_checksum"):
        use = "votes of ten people for the head perceived"
        sources.append(Source(*FERPLUS, use, "MIT, Microsoft", data["votes_checksum"]))
    if "other faces" in data.get("expression", ""):
        sources.append(Source(*CK, "posed faces, to fit the layer that makes expression", "research use", CK_CHECKSUM))
    return tuple(sources)


def _detector_data(about: dict[str, Any]) -> tuple[Source, ...]:
    return (
        Source(*FER2013, about["data"]["faces"], UNRESOLVED),
        Source("photographs", "samples of ImageNet; BSDS500", about["data"]["scenes"], "unresolved"),
        Source(
            "boxes and landmarks", "drawn by YuNet, github.com/opencv/opencv_zoo", "labels", "MIT, no weights taken"
        ),
    )


def data_terms(record: Provenance) -> str:
    """Return the terms of all data behind a weight file, as one line."""
    return "; ".join(f"{source.name}: {source.licence.partition(':')[0]}" for source in record.data)


def table(records: list[Provenance]) -> str:
    """Return the table in docs/use.md: the data behind each weight file, and their terms."""
    rows = ["| weights | made from | used for | terms |", "|---|---|---|---|"]
    for record in records:
        rows += [
            f"| `{record.file}` | {source.name}: {source.origin} | {source.use} | {source.licence} |"
            for source in record.data
        ]
    return "\n".join(rows)


def write_records() -> None:
    """Write the record of each weight file in the package, then update the descriptions, cards and docs/use.md."""
    records = []
    for path in sorted(WEIGHTS.rglob("*.onnx"), key=lambda file: (len(file.parts), file.name)):
        record = record_of(path)
        records.append(record)
        target = path.with_name(path.stem + SUFFIX)
        write_json(target, record.to_dict(), overwrite=True)
        print(f"wrote {target}")
        if read_json(path.with_suffix(".json"))["format"] != "moue-detector":
            _write_terms(path, data_terms(record))
    begin, end = (re.escape(mark) for mark in MARKS)
    made = f"{MARKS[0]}\n\n{table(records)}\n\n{MARKS[1]}"
    text, times = re.subn(f"{begin}.*{end}", lambda _: made, USE.read_text(encoding="utf-8"), flags=re.DOTALL)
    if times != 1:
        sys.exit(f"{USE} has {times} places between {MARKS[0]} and {MARKS[1]}, expected one")
    write_text(USE, text, overwrite=True)
    print(f"wrote {USE}")


def _write_terms(path: Path, terms: str) -> None:
    """Put the terms of the data into a model's description, and write its card from that."""
    spec = ModelSpec.load(path.with_suffix(".json"))
    spec = dataclasses.replace(spec, license={**spec.license, "data": terms})
    spec.save(path.with_suffix(".json"), overwrite=True)
    write_text(path.with_suffix(".md"), model_card(path.stem, spec, path.stat().st_size), overwrite=True)


if __name__ == "__main__":
    write_records()
