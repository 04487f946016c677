"""Read-only sessions on the three database families: a port and its adapters."""
