"""Remediations executed on servers that are in use."""
