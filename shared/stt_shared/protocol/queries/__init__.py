"""Requests and replies that read: history, overview, reports and health."""
