"""Output files: tables, annotated videos, subtitles, timelines."""
