"""Commands about data: moue data get, check, audit, synth, sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from moue.cli import options, output

app = typer.Typer(help="Get, check, audit or draw data.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="ferplus: fetch the FER+ votes. Nothing: only say where data is.")] = "",
    out: Annotated[Path, typer.Option("--out", help="Where to write what is fetched.")] = Path("fer2013new.csv"),
    overwrite: options.Overwrite = False,
) -> None:
    """Say where to get FER2013 and the FER+ votes and under which terms; fetch what needs no account."""
    from moue.data import published as catalog

    if not name:
        for source in catalog.SOURCES:
            lines = [source.holds, source.url, f"terms: {source.terms}", f"cite: {source.cite}", source.how]
            typer.echo(f"{source.name}\n" + "".join(f"  {line}\n" for line in lines))
        return
    if name != "ferplus":
        raise typer.BadParameter(f"{name!r}, expected ferplus: the others need an account", param_hint="NAME")
    output.wrote(catalog.fetch_ferplus(out, overwrite=overwrite))


@app.command()
def check(data: options.DataPath, ferplus: options.FerPlus = None, class_names: options.ClassNames = "") -> None:
    """Compare a file with the published FER2013: rows, splits, classes, checksum of the pixels."""
    from moue.data import published as catalog

    checks = catalog.check(options.load_data(data, ferplus, class_names=class_names))
    rows = [(found.name, found.actual, found.expected, "ok" if found.ok else "differs") for found in checks]
    output.print_table(("what", "here", "published", ""), rows)
    for found in checks:
        if found.note:
            output.note(f"{found.name}: {found.note}")
    if not all(found.ok for found in checks):
        output.note("this is not the published FER2013; moue works with it all the same")
        raise typer.Exit(1)


@app.command()
def audit(
    data: options.DataPath,
    ferplus: options.FerPlus = None,
    report: Annotated[Path | None, typer.Option(help="Also write a page with pictures of the findings.")] = None,
    out: Annotated[Path | None, typer.Option("--output", help="Also write the findings as JSON.")] = None,
    overwrite: options.Overwrite = False,
    on_bad_row: options.BadRows = options.OnBadRow.RAISE,
    class_names: options.ClassNames = "",
) -> None:
    """Look for duplicates, leaks between splits, contradicting labels and pictures that are no faces."""
    from moue.data.audit.audit import audit as examine
    from moue.data.audit.page import write_audit_page
    from moue.files import refuse_existing

    for path in (report, out):
        if path is not None:
            refuse_existing(path, overwrite=overwrite)
    dataset = options.load_data(data, ferplus, on_bad_row, class_names)
    with output.waiting("comparing all faces with each other"):
        findings = examine(dataset)
    rows = [(f.name, f"{f.number:,}", f.detail) for f in findings.table()]
    try:  # Files first: a closed pipe (| head) ends the printing. The table also where they cannot be written.
        if out is not None:
            findings.save(out, overwrite=overwrite)
        if report is not None:
            write_audit_page(findings, dataset, report, overwrite=overwrite)
    finally:
        output.print_table(("finding", "number", "detail"), rows)
    output.wrote(*(path for path in (out, report) if path is not None))


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="The table to write: .csv or .csv.gz.", show_default=False)],
    per_class: Annotated[int, typer.Option(min=3, help="Faces of each class.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Which faces.")] = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Draw faces with seven expressions in the format of fer2013.csv."""
    from moue.data.synthetic.dataset import synthesize
    from moue.data.write import write_csv
    from moue.files import refuse_existing

    refuse_existing(out, overwrite=overwrite)
    with output.waiting("drawing faces"):
        dataset = synthesize(per_class, seed)
    write_csv(dataset, out, overwrite=overwrite)
    output.note(str(dataset))
    output.wrote(out)


@app.command()
def sheet(
    data: options.DataPath,
    out: Annotated[Path, typer.Option("--out", help="The picture to write.")] = Path("contact_sheet.png"),
    per_class: Annotated[int, typer.Option(min=1, help="Faces in a row.")] = 8,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a contact sheet: some faces of each class."""
    from moue.data.contact_sheet import contact_sheet
    from moue.files import replacing

    picture = contact_sheet(options.load_data(data), per_class)
    with replacing(out, overwrite=overwrite) as temporary:
        picture.save(temporary)
    output.wrote(out)
