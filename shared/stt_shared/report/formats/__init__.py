"""Write a report in one of the formats: pure functions that return text."""
