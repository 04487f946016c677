"""Accepted findings and overridden severities."""
