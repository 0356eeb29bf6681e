"""Training of moue's own face detector: labelled faces and scenes, canvases, network, loss, training, figures."""
