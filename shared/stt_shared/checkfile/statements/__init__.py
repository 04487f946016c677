"""Judges the statements of checks: which of them read and do nothing else."""
