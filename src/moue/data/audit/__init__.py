"""Duplicates, leaks between splits, contradicting labels, images without a face."""
