"""Commands about data: moue data get, check, audit, synth."""

from __future__ import annotations

import typer

app = typer.Typer(help="Get, check, audit or draw data.", no_args_is_help=True)
