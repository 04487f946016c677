"""The parts of the registry of workers: what it records, and what of it the status shows."""
