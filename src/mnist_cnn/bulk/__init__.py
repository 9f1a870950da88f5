"""Many pictures at once: side by side on this machine's cores, or on a cluster; the readings are the same."""
