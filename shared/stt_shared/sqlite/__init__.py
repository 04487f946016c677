"""What the coordinator's store and the worker's outbox both do with a SQLite file."""
