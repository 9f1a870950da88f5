"""Studies: one recipe over many seeds, its mean accuracy and spread, and whether another recipe is better."""
