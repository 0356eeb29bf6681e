"""Tuning: searching the choices of a recipe with Optuna."""
