"""Accepted findings and other severities: the rule for both halves, and for a scan alone."""
