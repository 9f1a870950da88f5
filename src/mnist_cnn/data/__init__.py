"""Datasets: load, verify, split and augment images and labels."""
