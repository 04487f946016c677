"""Reports of a run or of the latest outcomes."""
