"""Whom to believe: which results are recorded, ceilings on targets, workers of one name."""
