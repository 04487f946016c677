"""Signed packs of checks: their file, minisign's signature beside it, and whom to believe."""
