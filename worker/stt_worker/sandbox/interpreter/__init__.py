"""Evaluates scripts in this process: compiles them, gives them answers, and reads their ends."""
