"""What is wrong: lists, one finding, changes."""
