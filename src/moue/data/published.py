"""Where to get FER2013 and the FER+ votes, downloading what may be downloaded, and checking a copy."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moue.data.dataset import SPLITS
from moue.download import Download, fetch
from moue.labels import CLASS_NAMES

if TYPE_CHECKING:
    from moue.data.dataset import Dataset


@dataclasses.dataclass(frozen=True)
class Source:
    """One source of data.

    Attributes:
        name: Short name.
        holds: What is there.
        url: Where it is.
        needs_account: Whether it requires a login; then moue cannot download it.
        terms: The terms of use.
        cite: What to cite.
        how: How to get it.
    """

    name: str
    holds: str
    url: str
    needs_account: bool
    terms: str
    cite: str
    how: str


FERPLUS_URL: Final = "https://raw.githubusercontent.com/microsoft/FERPlus/master/fer2013new.csv"
FERPLUS: Final = Download(
    url=FERPLUS_URL,
    sha256="9206e20d62f56475939f516847d61753e4860caeac9718b560129541b776fc2c",
    name="fer2013new.csv",
    max_bytes=4 << 20,
)
"""The FER+ votes of microsoft/FERPlus."""

_FER2013_TERMS: Final = (
    "Kaggle's terms, to accept there; the images come from a web search, and their rights are unresolved: "
    "use them for research, and do not redistribute them"
)
_FER2013_PAPER: Final = "Goodfellow et al. 2013, Challenges in Representation Learning, arXiv:1307.0414"

SOURCES: Final = (
    Source(
        name="fer2013",
        holds="the original tables of the challenge: icml_face_data.csv (all 35,887 faces), train.csv, fer2013.tar.gz",
        url="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge/data",
        needs_account=True,
        terms=_FER2013_TERMS,
        cite=_FER2013_PAPER,
        how="Log in, accept the rules, download, and pass icml_face_data.csv or the archive to moue.",
    ),
    Source(
        name="fer2013-folders",
        holds="the same faces as JPEG files in train/CLASS and test/CLASS, with validation and test in one folder",
        url="https://www.kaggle.com/datasets/msambare/fer2013",
        needs_account=True,
        terms=_FER2013_TERMS,
        cite=_FER2013_PAPER,
        how="Log in, download, unpack, and pass the folder that contains train and test to moue.",
    ),
    Source(
        name="ferplus",
        holds="fer2013new.csv: the votes of ten people for each face of fer2013.csv, in its row order; no images",
        url=FERPLUS_URL,
        needs_account=False,
        terms="MIT, Microsoft",
        cite="Barsoum et al. 2016, Training Deep Networks for Facial Expression Recognition, arXiv:1608.01041",
        how="Run moue data get ferplus to download it (1.6 MB).",
    ),
)
"""Where to get the data, and under which terms. moue itself ships none of it."""


@dataclasses.dataclass(frozen=True)
class Check:
    """One comparison of a data set with the published FER2013.

    Attributes:
        name: What was compared.
        expected: What FER2013 has.
        actual: What the data set has.
        ok: Whether that is correct.
        note: A remark, usually empty.
    """

    name: str
    expected: str
    actual: str
    ok: bool
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the values for JSON."""
        return dataclasses.asdict(self)


FER2013_COUNTS: Final = {
    "train": (3995, 436, 4097, 7215, 4830, 3171, 4965),
    "val": (467, 56, 496, 895, 653, 415, 607),
    "test": (491, 55, 528, 879, 594, 416, 626),
}
"""Faces per split in label order: Training, PublicTest and PrivateTest of the published file."""

KNOWN_CHECKSUMS: Final = {
    "f24d4a125d5479b3998e62e6c86752a74cd07182651a2b2295e0a68033216266": (
        "all rows in the published order; 175 of them, mostly without a face, are from JPEG copies"
    ),
}
"""`Dataset.checksum` of known copies of FER2013, each with a remark."""


def check(dataset: Dataset) -> list[Check]:
    """Compare a data set with the published FER2013: rows, splits, classes, checksum of the pixels.

    An unknown checksum fails only if the counts are wrong too: several copies of FER2013 circulate, and a single
    different pixel changes the checksum.

    Returns:
        One entry for each comparison; the data is FER2013 if all are `ok`.
    """
    counts = dataset.counts()
    note = "" if dataset.split_rule == "Usage column" else f"splits by: {dataset.split_rule}"
    total = sum(sum(numbers) for numbers in FER2013_COUNTS.values())
    checks = [_equal("rows", total, len(dataset))]
    for split in SPLITS:
        expected = sum(FER2013_COUNTS[split])
        checks.append(_equal(f"{split} rows", expected, sum(counts[split].values()), note))
    for split in SPLITS:
        for name, expected in zip(CLASS_NAMES, FER2013_COUNTS[split], strict=True):
            checks.append(_equal(f"{split} {name}", expected, counts[split].get(name, 0)))
    return [*checks, _check_checksum(dataset, counts_ok=all(each.ok for each in checks))]


def _equal(name: str, expected: int, actual: int, note: str = "") -> Check:
    ok = expected == actual
    return Check(name, f"{expected:,}", f"{actual:,}", ok, "" if ok else note)


def _check_checksum(dataset: Dataset, *, counts_ok: bool) -> Check:
    remark = KNOWN_CHECKSUMS.get(dataset.checksum)
    if remark is not None:
        return Check("checksum", dataset.checksum, dataset.checksum, ok=True, note=remark)
    note = "not a known copy"
    if counts_ok:
        note = "all counts are right, but the pixels or the row order differ from the known copies: see the audit"
    return Check("checksum", "a known one", dataset.checksum, ok=counts_ok, note=note)


def fetch_ferplus(target: str | Path, *, overwrite: bool = False, url: str = FERPLUS_URL) -> Path:
    """Download the FER+ votes, `fer2013new.csv` of microsoft/FERPlus (MIT), over HTTPS, and check their SHA-256.

    Args:
        target: The file to write, or an existing folder to write `fer2013new.csv` in.
        overwrite: Replace an existing file.
        url: The address, to use a mirror; the content must be the same.

    Returns:
        The path of the file.

    Raises:
        MoueError: the file exists and `overwrite` is false, the address is not HTTPS, the download fails, or the
            file has another SHA-256. Then no file is left behind.
    """
    return fetch(dataclasses.replace(FERPLUS, url=url), Path(target), overwrite=overwrite)
