"""Each shipped weight file has a correct and current record of its licence and origin."""

import json
import sys
from pathlib import Path

import pytest

from moue.classifier.locate import WEIGHTS
from moue.classifier.provenance import SUFFIX, list_records, read_record
from moue.errors import MoueError
from moue.evaluation.hub_folder import write_hub_folder
from moue.files import read_json, sha256_of

SCRIPTS = Path(__file__).parents[2] / "scripts"


def test_every_weight_file_has_a_record():
    assert set(list_records()) == {path.stem for path in WEIGHTS.rglob("*.onnx")} >= {"small", "own"}


@pytest.mark.parametrize("name", sorted(list_records()))
def test_a_record_matches_its_file_and_description(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import provenance

    path = list_records()[name]
    record = read_record(path)
    assert record.sha256 == sha256_of(path.with_name(record.file))
    assert record == provenance.record_of(path.with_name(record.file))
    assert record.to_dict() == json.loads(path.read_text(encoding="utf-8")) | {
        "data": tuple(json.loads(path.read_text(encoding="utf-8"))["data"]),
        "third_party_weights": (),
        "not_for": record.not_for,
    }
    assert record.licence["weights"].startswith("MIT")
    assert any("unresolved" in source.licence for source in record.data)
    assert record.made_by["commands"]
    if name == "small":
        # The card, the card for the hub and docs/use.md are generated from the record.
        terms = provenance.data_terms(record)
        assert read_json(path.with_name("small.json"))["license"]["data"] == terms
        assert f"- data: {terms}\n" in path.with_name("small.md").read_text(encoding="utf-8")
        card = write_hub_folder("small", tmp_path / "hub")[-1]
        assert all(f"{source.name}: " in card.read_text(encoding="utf-8") for source in record.data)
    assert provenance.table([record]).split("\n", 2)[2] in provenance.USE.read_text(encoding="utf-8")
    sys.modules.pop("provenance")


@pytest.mark.parametrize(
    ("content", "message"),
    [("{}", "not a record of this version"), ('{"format": "moue-provenance", "version": 2}', "lacks a field")],
)
def test_a_damaged_record_is_refused(tmp_path, content, message):
    (tmp_path / f"x{SUFFIX}").write_text(content, encoding="utf-8")
    with pytest.raises(MoueError, match=message):
        read_record(tmp_path / f"x{SUFFIX}")


def test_the_command_shows_card_and_record(moue):
    code, printed, err = moue("models", "small", "--card")
    assert code == 0
    lines = printed.splitlines()
    assert lines[0].strip() == "small"
    assert max(map(len, lines)) <= 80
    assert any(line.split()[:1] == ["pixelate"] for line in lines), "a table with many columns is transposed"
    record = read_record(WEIGHTS / f"small{SUFFIX}")
    assert f"sha256: {record.sha256}" in lines
    assert f"  seed: {record.made_by['seed']}" in lines
    assert [line.strip() for line in lines if line.startswith("    name: ")] == [
        f"name: {source.name}" for source in record.data
    ]
    assert "third_party_weights: none" in lines
    assert str(WEIGHTS) in err
    assert moue("models", "nobody", "--card")[0] == 2
