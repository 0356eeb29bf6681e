"""Formats for tables of results: each file here that defines ``FORMATS`` adds some."""

from moue.output.formats.registry import TableFormat, check_output, format_of, formats

__all__ = ["TableFormat", "check_output", "format_of", "formats"]
