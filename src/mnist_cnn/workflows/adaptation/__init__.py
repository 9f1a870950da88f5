"""A kept network and one person's labelled pictures become a network that reads that person better."""
