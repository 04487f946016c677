"""What the repository runs on itself: generators of recorded files and figures about the code."""
