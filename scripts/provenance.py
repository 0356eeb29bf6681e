"""Write the licence and provenance record of each shipped weight file: python scripts/provenance.py.

What is known of a file stands in the description beside it; what is known of data sets stands here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moue.classifier.locate import WEIGHTS
from moue.classifier.provenance import SUFFIX, Provenance, Source
from moue.files import read_json, sha256_of, write_json

if TYPE_CHECKING:
    from pathlib import Path

FER2013 = ("FER2013", "Goodfellow et al. 2013, arXiv:1307.0414; Kaggle, Challenges in Representation Learning")
FERPLUS = ("FER+", "Barsoum et al. 2016, arXiv:1608.01041; github.com/microsoft/FERPlus")
CK = ("CK+", "Lucey et al. 2010, the extended Cohn-Kanade dataset: 285 crops of 34 people")
UNRESOLVED = "unresolved: the images came from a web search, and nobody cleared their rights"
NOT_FOR = (
    "inferring emotions of people at work or in education: Regulation (EU) 2024/1689, article 5(1)(f)",
    "decisions about people",
    "telling what a person feels, thinks or intends",
)


def record_of(path: Path) -> Provenance:
    """Return the record of a weight file from the description beside it."""
    about: dict[str, Any] = read_json(path.with_suffix(".json"))
    detector = about["format"] == "moue-detector"
    return Provenance(
        file=path.name,
        sha256=sha256_of(path),
        purpose="finds faces in images" if detector else "names the expression of a face, 48x48 gray",
        licence={"code": about["license"]["code"], "weights": about["license"]["weights"]},
        made_by=dict(about["training"]) if detector else _made_by(about),
        data=_detector_data(about) if detector else _expression_data(about),
        not_for=("recognising or counting people",) if detector else NOT_FOR,
    )


def _made_by(about: dict[str, Any]) -> dict[str, Any]:
    return {
        "command": about["provenance"].removeprefix("trained by ").strip("`"),
        "recipe": about["recipe"]["recipe"],
        "seed": about["recipe"]["seed"],
        "versions": about["versions"],
    }


def _expression_data(about: dict[str, Any]) -> tuple[Source, ...]:
    data = about["data"]
    num_train = sum(data["counts"]["train"].values())
    found = [
        Source(*FER2013, f"{num_train:,} Training faces to fit, PublicTest for choices", UNRESOLVED, data["checksum"])
    ]
    if data.get("votes_checksum"):
        use = "votes of ten people for the head perceived"
        found.append(Source(*FERPLUS, use, "MIT, Microsoft", data["votes_checksum"]))
    if "other faces" in data.get("expression", ""):
        found.append(Source(*CK, "posed faces, to fit the layer that makes expression", "research use"))
    return tuple(found)


def _detector_data(about: dict[str, Any]) -> tuple[Source, ...]:
    return (
        Source(*FER2013, about["data"]["faces"], UNRESOLVED),
        Source("photographs", "samples of ImageNet; BSDS500", about["data"]["scenes"], "unresolved"),
        Source(
            "boxes and landmarks", "drawn by YuNet, github.com/opencv/opencv_zoo", "labels", "MIT, no weights taken"
        ),
    )


def write_records() -> None:
    """Write the record of each weight file in the package."""
    for path in sorted(WEIGHTS.rglob("*.onnx")):
        target = path.with_name(path.stem + SUFFIX)
        write_json(target, record_of(path).to_dict(), overwrite=True)
        print(f"wrote {target}")


if __name__ == "__main__":
    write_records()
