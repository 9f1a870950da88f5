"""The HTTP server: the web app, a small API of its own, and the Open Inference Protocol."""
