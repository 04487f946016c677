"""The page and the HTTP interface: the same handlers as over NATS, for people and for programs."""
