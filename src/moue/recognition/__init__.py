"""From an image or a frame to named expressions."""
