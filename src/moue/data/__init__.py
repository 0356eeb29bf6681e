"""Reading, checking and generating labelled faces."""
