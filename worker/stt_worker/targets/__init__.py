"""The worker's own list of databases: where each is, how to log in, and never a secret in view."""
