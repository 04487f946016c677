"""Limits of the size of a query; the longest built-in one has 450 tokens."""

from __future__ import annotations

MAX_CHARACTERS = 32_000  # of one query
# PostgreSQL's parser recurses on the C stack, at most once for each token: a thread of 1 MiB
# overflows beyond 1,900 tokens and the process crashes without an exception.
MAX_TOKENS = 1_500
