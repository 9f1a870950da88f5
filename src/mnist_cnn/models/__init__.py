"""The architectures, one readable list of layers each, and what is built around them."""
