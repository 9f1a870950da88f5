"""Whole jobs, step by step: train, evaluate, export, find label errors, adapt. The one room that may know all steps."""
