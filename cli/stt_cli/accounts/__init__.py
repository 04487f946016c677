"""NATS accounts: keys, claims, configuration of nats-server, and the proof that they hold."""
