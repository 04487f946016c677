"""Decide which statements of checks only read."""
