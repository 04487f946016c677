"""Decide whether a query only reads: before its check is accepted, and before it is sent."""

from __future__ import annotations

from functools import lru_cache

from stt_shared.checkfile.model import QueryType
from stt_shared.checkfile.statements.limits import MAX_CHARACTERS

MAX_REMEMBERED = 4_096  # distinct queries; a worker checks each before every job


def prepare() -> None:
    """Import both parsers; call it before a fork, so that the children share them."""
    refusal(QueryType.MYSQL_SELECT, "1")
    refusal(QueryType.POSTGRESQL_SELECT, "1")


@lru_cache(maxsize=MAX_REMEMBERED)
def refusal(kind: QueryType, text: str) -> str:
    """Why a query of type `kind` may not be sent; an empty text if it may. Never raises.

    Only known constructs are allowed: one reading statement, known clauses, known functions.
    """
    if len(text) > MAX_CHARACTERS:
        return f"the query has {len(text)} characters, the limit is {MAX_CHARACTERS}"
    # Imported here: the two parsers take 90 ms, which a command without checks does not pay.
    if kind is QueryType.POSTGRESQL_SELECT:
        from stt_shared.checkfile.statements import postgresql  # noqa: PLC0415

        return postgresql.refusal(text)
    if kind in {QueryType.MYSQL_SELECT, QueryType.MYSQL_SHOW}:
        from stt_shared.checkfile.statements import mysql  # noqa: PLC0415

        return mysql.refusal(text) if kind is QueryType.MYSQL_SELECT else mysql.show_refusal(text)
    return ""
