"""A trained model as files: how they are written, checked and read back."""
