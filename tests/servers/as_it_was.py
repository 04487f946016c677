"""Each file of tests leaves the SQL servers of its session as it found them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from stt_coordinator.local.servers.process import Running
from tests.support.checks.remedies import holdings, postgresql


@dataclass(kw_only=True)
class _Watched:
    """A server, and what it knew of accounts, rights and settings when a file began."""

    server: Running
    ask: Callable[[Running], set[str]]
    known: set[str]


_watched: list[_Watched] = []


def mysql_watched(server: Running) -> Running:
    """A MySQL or MariaDB that no file of tests may change for another."""
    return _watch(server, holdings.lines)


def postgresql_watched(server: Running) -> Running:
    """A PostgreSQL that no file of tests may change for another."""
    return _watch(server, postgresql.holdings)


def _watch(server: Running, ask: Callable[[Running], set[str]]) -> Running:
    _watched.append(_Watched(server=server, ask=ask, known=ask(server)))
    return server


# Of a module's fixtures it is the first, hence it ends after all others.
@pytest.fixture(scope="module", autouse=True)
def _servers_are_left_as_they_were(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    changed = {}
    for one in _watched:
        before, after = one.known, one.ask(one.server)
        # Else every later file would be blamed for what this one left.
        one.known = after
        if before != after:
            changed[one.server.name] = {"lost": before - after, "new": after - before}
    assert changed == {}, f"{request.node.name} changed a server for all later tests: {changed}"
