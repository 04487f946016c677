"""Rules of admission: which results are recorded, limits on targets, workers of one name."""
