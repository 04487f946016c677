"""Publishing, pulling and asking over a message bus: a port and its adapters."""
