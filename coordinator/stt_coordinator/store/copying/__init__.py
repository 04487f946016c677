"""Copies a whole store between a SQLite file and PostgreSQL: `stt store copy`."""
