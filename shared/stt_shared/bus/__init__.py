"""Publish, consume and request over a message bus: a port and its adapters."""
