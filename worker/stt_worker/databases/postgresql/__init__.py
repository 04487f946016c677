"""PostgreSQL: log-in, session settings, every database of a server, and facts."""
