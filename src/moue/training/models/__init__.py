"""The registered networks, one file a family."""
