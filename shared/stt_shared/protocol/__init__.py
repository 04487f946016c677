"""What travels between coordinator, workers and subscribers."""
