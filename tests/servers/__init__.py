"""Real servers for the tests: how they are installed, and the fixtures that start them."""
