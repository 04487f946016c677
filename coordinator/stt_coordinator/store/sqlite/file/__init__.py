"""The file of the SQLite store: where it is, who has it, how it is, and its copies."""
