"""Statements that create the least privileged account for a selection of checks."""
