"""Handwriting recorded as pen strokes: datasets of ink read, split by writer, cleaned, and drawn as images."""
