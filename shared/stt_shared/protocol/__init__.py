"""Messages, subjects and streams that coordinator, workers and subscribers share."""
