"""MongoDB: its wire protocol, log-in, session and facts."""
