"""A report in the formats that other programs and people read: pure functions, text out."""
