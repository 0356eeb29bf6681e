"""The exported network: its description, the preprocessing, and ONNX Runtime."""
