"""Templates for new checks."""
