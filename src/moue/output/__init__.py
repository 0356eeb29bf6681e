"""What goes out: tables, drawings, annotated videos, timelines."""
