"""Login and authorization: tokens, sessions, a trusted proxy, roles."""
