"""Commands that run once and need no coordinator: scan, dry run, probe, statements."""
