"""Where runs, results and findings are kept: a port and its adapters."""
