"""Which of a check's queries a server of these facts is asked: per place the first that holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stt_shared.checkfile.guard import holds
from stt_shared.checkfile.model import UNSUPPORTED, Check, Query, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A query for each place of `docs`; or why the check does not apply."""

    queries: tuple[Query, ...] = ()
    not_applicable: str = ""


def unsupported(check: Check) -> str:
    """Names the query types of `check` that are not available here; empty if all are."""
    if UNSUPPORTED.isdisjoint([query.type for query in check.queries]):
        return ""
    found = sorted({query.type for query in check.queries if query.type in UNSUPPORTED})
    return "unsupported query type " + ", ".join(found)


def choose(check: Check, server: Server) -> Choice:
    """The queries of `check` for `server`, in order of their places."""
    queries: list[Query] = []
    for variants in places(check.queries):
        one = next((q for q in variants if q.when is None or holds(q.when, server)), None)
        if one is None:
            return Choice(not_applicable=_why_not(variants, server))
        queries.append(one)
    return Choice(queries=tuple(queries))


def places(queries: Iterable[Query]) -> list[list[Query]]:
    """The variants of each place of `docs`: queries with one name share one."""
    found: dict[object, list[Query]] = {}
    for index, query in enumerate(queries):
        found.setdefault(query.name or index, []).append(query)
    return list(found.values())


def _why_not(variants: Iterable[Query], server: Server) -> str:
    wanted = ", or ".join(query.when.text for query in variants if query.when)
    version = ".".join(map(str, server.version))
    return f"applies to {wanted}; the server is {server.flavour} {version}"
