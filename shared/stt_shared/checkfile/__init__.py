"""Checks as data: the model, the file format, and the catalogue of known checks."""
