"""Training of the registered networks with Keras."""
