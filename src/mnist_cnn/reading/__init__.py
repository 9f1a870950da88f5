"""Pictures become digits: NumPy, OpenCV and ONNX Runtime, never TensorFlow."""
