"""Choose the queries of a check for a server: of each place the first whose guard is satisfied."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stt_shared.checkfile.guard import holds
from stt_shared.checkfile.model import UNSUPPORTED, Check, Query, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The query for each entry of `docs`; or why the check does not apply."""

    queries: tuple[Query, ...] = ()
    not_applicable: str = ""


def unsupported(check: Check) -> str:
    """The unsupported query types of `check` as a reason; empty if all are supported."""
    if UNSUPPORTED.isdisjoint([query.type for query in check.queries]):
        return ""
    found = sorted({query.type for query in check.queries if query.type in UNSUPPORTED})
    return "unsupported query type " + ", ".join(found)


def choose(check: Check, server: Server) -> Choice:
    """The queries of `check` for `server`, in the order of `docs`."""
    queries: list[Query] = []
    for variants in places(check.queries):
        one = next((q for q in variants if q.when is None or holds(q.when, server)), None)
        if one is None:
            wanted = ", or ".join(query.when.text for query in variants if query.when)
            found = f"{server.flavour} {'.'.join(map(str, server.version))}"
            return Choice(not_applicable=f"applies to {wanted}; the server is {found}")
        queries.append(one)
    return Choice(queries=tuple(queries))


def places(queries: Iterable[Query]) -> list[list[Query]]:
    """The variants for each entry of `docs`: queries with equal names are variants."""
    found: dict[object, list[Query]] = {}
    for index, query in enumerate(queries):
        found.setdefault(query.name or index, []).append(query)
    return list(found.values())
