"""Commands about data: moue data get, check, audit, synth, sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from moue.cli import console, options
from moue.errors import SettingError


def get(
    name: Annotated[
        str, typer.Argument(metavar="[ferplus]", help="Download the FER+ votes (1.6 MB).", show_default=False)
    ] = "",
    out: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where to write the download.")] = Path(
        "fer2013new.csv"
    ),
    overwrite: options.Overwrite = False,
) -> None:
    """Show where to find FER2013, or download the FER+ votes.

    Names each source with its terms and its paper. You need a Kaggle account for the images, so moue cannot fetch them.
    """
    from moue.data import published as catalog

    if not name:
        for source in catalog.SOURCES:
            console.say(source.name)
            for line in (source.holds, source.url, f"terms: {source.terms}", f"cite: {source.cite}", source.how):
                console.say(console.wrapped(line, "  ", "  "))
            console.say("")
        return
    if name != "ferplus":
        raise SettingError(
            f"moue cannot get {name!r}",
            "ferplus: the other data needs an account",
            "`moue data get` names the sources.",
        )
    console.wrote(catalog.fetch_ferplus(out, overwrite=overwrite))


def check(data: options.DataPath, ferplus: options.FerPlus = None, class_names: options.ClassNames = "") -> None:
    """Compare data with the published FER2013.

    Counts rows, splits and classes, and compares a checksum of the pixels. The exit code is 1 if anything differs.
    """
    from moue.data import published as catalog

    checks = catalog.check(options.load_data(data, ferplus, class_names=class_names))
    rows = [(result.name, result.actual, result.expected, "ok" if result.ok else "differs") for result in checks]
    console.print_table(("what", "here", "published", ""), rows)
    for result in checks:
        if result.note:
            console.note(f"{result.name}: {result.note}")
    if not all(result.ok for result in checks):
        console.note("this is not the published FER2013; moue can still use it")
        raise typer.Exit(1)


def audit(
    data: options.DataPath,
    ferplus: options.FerPlus = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write an HTML page that shows the findings.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Also write the findings as JSON.")
    ] = None,
    overwrite: options.Overwrite = False,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
) -> None:
    """Look for problems in data.

    Finds duplicates, leaks between splits, contradictory labels and images without a face.
    """
    from moue.data.audit.audit import audit as examine
    from moue.data.audit.page import write_audit_page
    from moue.files import refuse_existing, refuse_suffix

    if report is not None:
        refuse_suffix(report, (".html", ".htm"))
    for path in (report, out):
        if path is not None:
            refuse_existing(path, overwrite=overwrite)
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    with console.waiting("Comparing all faces with each other…"):
        findings = examine(dataset)
    rows = [(f.name, f"{f.number:,}", f.detail) for f in findings.table()]
    try:  # Files first, because a closed pipe (| head) ends the printing. Print even if they cannot be written.
        if out is not None:
            findings.save(out, overwrite=overwrite)
        if report is not None:
            write_audit_page(findings, dataset, report, overwrite=overwrite)
    finally:
        console.print_table(("finding", "number", "detail"), rows)
    console.wrote(*(path for path in (out, report) if path is not None))


def synth(
    out: Annotated[
        Path, typer.Argument(metavar="FILE", help="The table to write: .csv or .csv.gz.", show_default=False)
    ],
    per_class: Annotated[int, typer.Option(min=3, metavar="N", help="Faces per class.")] = 200,
    seed: Annotated[int, typer.Option(min=0, metavar="N", help="Random seed: each seed draws different faces.")] = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw a small data set: simple faces with expressions."""
    from moue.data.synthetic.dataset import synthesize
    from moue.data.write import refuse_ending, write_csv
    from moue.files import refuse_existing

    refuse_ending(out)
    refuse_existing(out, overwrite=overwrite)
    with console.waiting("Drawing faces…"):
        dataset = synthesize(per_class, seed)
    write_csv(dataset, out, overwrite=overwrite)
    console.note(str(dataset))
    console.wrote(out)


def sheet(
    data: options.DataPath,
    out: Annotated[Path, typer.Option("--output", metavar="FILE", help="The image to write.")] = Path(
        "contact_sheet.png"
    ),
    per_class: Annotated[int, typer.Option(min=1, metavar="N", help="Faces per class.")] = 8,
    overwrite: options.Overwrite = False,
) -> None:
    """Write an image with sample faces of each class."""
    from moue.data.contact_sheet import contact_sheet
    from moue.files import refuse_existing, refuse_suffix, replacing

    refuse_suffix(out, (".png", ".jpg", ".jpeg", ".webp"))
    refuse_existing(out, overwrite=overwrite)
    faces = options.load_data(data)
    most = max(sum(counts) for counts in zip(*(split.values() for split in faces.counts().values()), strict=True))
    image = contact_sheet(faces, min(per_class, max(1, most)))
    with replacing(out, overwrite=overwrite) as temporary:
        image.save(temporary)
    console.wrote(out)


COMMANDS: Final = (get, check, audit, synth, sheet)
