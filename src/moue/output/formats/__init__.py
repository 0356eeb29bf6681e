"""Formats of result tables: each file here that defines ``FORMATS`` adds its formats."""

from moue.output.formats.registry import TableFormat, check_output, format_of, formats

__all__ = ["TableFormat", "check_output", "format_of", "formats"]
