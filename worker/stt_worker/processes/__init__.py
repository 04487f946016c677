"""Child processes, forked from a prepared process, with limits."""
