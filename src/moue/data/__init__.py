"""Reading, checking and making labelled faces."""
