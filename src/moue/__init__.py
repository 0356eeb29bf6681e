"""moue: facial expression recognition, from fer2013.csv to a trained, measured, exported and predicting model."""
