"""The operating system: files that are written whole, and the environment that the program runs in."""
