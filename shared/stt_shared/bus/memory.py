"""The in-process twin of the message bus."""
