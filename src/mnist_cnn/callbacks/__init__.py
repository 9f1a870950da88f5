"""What a run tells: the interface, a list of callbacks, and progress on a terminal or in a notebook."""
