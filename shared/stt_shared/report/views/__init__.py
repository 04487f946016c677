"""Replies of the control service as text and tables for a terminal."""
