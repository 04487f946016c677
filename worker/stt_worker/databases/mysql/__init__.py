"""MySQL, Percona Server and MariaDB: log-in, session settings, replies and facts."""
