"""What is kept of a trained network, and how it is read back."""
