"""Accepted findings and other severities: what counts apart, until when."""
