"""How moue's own face detector is made: labelled faces and scenes, canvases, network, loss, training, figures."""
