"""The checks: each file has a function `check` that yields what it finds."""
