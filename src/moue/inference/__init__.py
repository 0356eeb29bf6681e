"""Pictures to expressions with ONNX Runtime; never Keras or TensorFlow."""
