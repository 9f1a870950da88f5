"""Recognises digits in images with NumPy, OpenCV and ONNX Runtime, never TensorFlow."""
