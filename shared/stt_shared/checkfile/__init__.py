"""A check as data: its model, its file format, and the catalogue of known checks."""
