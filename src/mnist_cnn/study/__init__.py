"""The same recipe over many seeds: how good it is in the mean, how much that varies, and whether another is better."""
