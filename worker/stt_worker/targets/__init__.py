"""The worker's list of targets: addresses, log-ins and references to secrets."""
