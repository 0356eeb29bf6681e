"""The exported model: its description, the preprocessing, and the runtimes that run it."""
