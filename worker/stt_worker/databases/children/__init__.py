"""Child processes that inspect servers, so that no server costs more than its own child."""
