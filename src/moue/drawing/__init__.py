"""Draws results on images: boxes, labels, emoji, bars."""
