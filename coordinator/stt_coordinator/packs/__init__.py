"""Packs of checks: their sources, the fetcher, and the cache of the last good pack."""
