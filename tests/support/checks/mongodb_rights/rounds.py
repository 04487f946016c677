"""Random states of a real MongoDB: what checks say, and what the server lets users do."""

from __future__ import annotations

import asyncio
from contextlib import closing
from functools import partial

from pymongo.errors import OperationFailure

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_worker.databases.port import Endpoint, Tls
from tests.support.checks import differential
from tests.support.checks.mongodb_rights.oracle import OTHERS, Oracle
from tests.support.checks.mongodb_rights.states import State, state
from tests.support.checks.mongodb_rights.verdicts import CHECKS, contradictions, gains, rows_of
from tests.support.checks.mongods import KEY

FEWEST_ROUNDS = 5000  # of a password's hash: the least that a server accepts


class Comparison:
    """One server, on which a state is made, checked, attacked and removed again."""

    def __init__(self, server: Running) -> None:
        self.server, self.oracle = server, Oracle(server, KEY)
        self.admin = self.oracle.harness.admin
        for name in ("scramIterationCount", "scramSHA256IterationCount"):
            self.admin.command({"setParameter": 1, name: FEWEST_ROUNDS})
        self.compared = self.users = 0
        self.loop = asyncio.Runner()
        self.runner = self.loop.run(differential.open_runner())
        self.where = Endpoint(
            family=Family.MONGODB,
            host=server.host,
            port=server.port,
            user="__system",
            password=KEY,
            database="local",
            tls=Tls(mode="off"),
        )

    def disagreements(self, state: State) -> list[str]:
        """Where the checks and the server differ about a user of the state."""
        self._clear()
        self.oracle.prepare()
        for database, command in state.steps:
            try:
                self.oracle.harness[database].command(command)
            except OperationFailure:
                continue
        self.oracle.keep()
        rows = self.loop.run(rows_of(self.where))
        outcomes = self.loop.run(self.runner.run_all(self.where, CHECKS))
        claimed = gains(rows)
        found = contradictions(rows, outcomes)
        for one in self.oracle.users:
            name, database = one["user"], one["db"]
            if database in ("$external", *OTHERS):
                continue
            gained = self.oracle.gains((name, database, "x"))
            self.oracle.restore()
            claim = claimed.get((name, database), set())
            if claim != gained:
                found.append(f"{name}@{database}: checks say {claim}, the server let {gained}")
            self.users += 1
        self.compared += 1
        return found

    def claimed(self) -> dict[str, set[str]]:
        """What the model says that each user of the state gets to, by name."""
        rows = self.loop.run(rows_of(self.where))
        return {name: gained for (name, _), gained in gains(rows).items() if gained}

    def _clear(self) -> None:
        for name in ("system.users", "system.roles"):
            self.admin[name].delete_many({})

    def close(self) -> None:
        """Leave nothing behind."""
        self._clear()
        self.loop.run(self.runner.close())
        self.loop.close()
        self.oracle.harness.close()


def comparing(server: Running) -> closing[Comparison]:
    """A comparison that leaves nothing behind."""
    return closing(Comparison(server))


def compare(one: Comparison, count: int) -> None:
    """`count` states; a disagreement is an assertion that shows a smallest state with it."""
    smaller = partial(differential.smallest, one.disagreements)
    differential.compare(str(one.server.binary), count, state, one.disagreements, smaller)
