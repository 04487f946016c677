"""Who is asking: tokens, sessions, a trusted proxy, and what each role may do."""
