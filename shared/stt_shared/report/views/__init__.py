"""What the client shows of the service's replies: texts and tables for a terminal."""
