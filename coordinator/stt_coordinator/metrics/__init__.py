"""What the coordinator measures, and how Prometheus reads it."""
