"""Step 3, compile and fit: a recipe and data become a trained network."""
