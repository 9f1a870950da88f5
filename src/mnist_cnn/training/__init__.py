"""Training: a recipe and data become a trained model and its history."""
