"""Child processes that are forked from a prepared one, kept, bounded and killed."""
