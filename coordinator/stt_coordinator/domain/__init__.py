"""Arithmetic and rules of runs and findings; imports nothing that waits."""
