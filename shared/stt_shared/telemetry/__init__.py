"""Logs and metrics, with closed sets of names."""
