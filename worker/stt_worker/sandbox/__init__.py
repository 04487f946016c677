"""Running a check's script within limits: a port and its adapters."""
