"""Step 2, architecture: one readable list of layers a network."""
