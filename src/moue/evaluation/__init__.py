"""Scores of any model, from true labels and probabilities."""
