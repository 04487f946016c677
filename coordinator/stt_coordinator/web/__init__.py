"""The page and the HTTP interface, over the same handlers as the control service on NATS."""
