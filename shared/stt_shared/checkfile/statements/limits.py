"""How much of a query is looked at; the longest of the library has 450 tokens."""

from __future__ import annotations

MAX_CHARACTERS = 32_000  # of one query
# PostgreSQL's parser recurses on the stack of C, once a token at the most: a thread of 1 MiB
# overflows beyond 1,900 and the process ends, which no exception handler sees.
MAX_TOKENS = 1_500
