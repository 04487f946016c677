"""What a worker says of itself: heartbeats, subjects that it may not use, events of its log."""
