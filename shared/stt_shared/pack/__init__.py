"""Signed packs of checks: the file, its minisign signature, and the trust decision."""
