"""The verbs that accept findings and set other severities, and a file of such decisions."""
