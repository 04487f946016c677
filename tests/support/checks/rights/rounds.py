"""Random states of a real PostgreSQL: what the checks say against what the server lets be done."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.support.checks import differential
from tests.support.checks.real import endpoint
from tests.support.checks.rights.states import NAMES, State, state
from tests.support.checks.rights.verdicts import CHECKS, Verdict, of_the_query, verdict_of

ROUNDS = 5  # of deeds, each with what the one before gained
SETUP = Path(__file__).with_name("server.sql")
DEEDS = {
    "pg_execute_server_program": "COPY (SELECT 1) TO PROGRAM 'cat >/dev/null'",
    "pg_write_server_files": "COPY (SELECT 1) TO '/dev/null'",
    "pg_read_server_files": "COPY truth.common FROM '/dev/null'",
    "pg_read_all_data": "SELECT FROM truth.secret",
    "pg_write_all_data": "INSERT INTO truth.secret VALUES ('new')",
    "pg_monitor": "SELECT FROM pg_catalog.pg_ls_waldir() LIMIT 1",
    "pg_read_all_settings": "SHOW data_directory",
    "bypassrls": "SELECT 1 / pg_catalog.count(*)::int FROM truth.tenant",
    "replication": "SELECT pg_catalog.pg_drop_replication_slot(slot_name) "
    "FROM pg_catalog.pg_create_physical_replication_slot('truth', false, true)",
}
OWN = {"rolreplication": ("replication", "base_backup")}  # no finding where it is all a role has


class Comparison:
    """One server, on which a state is made, checked, attacked and removed again."""

    def __init__(self, server: Running, major: int) -> None:
        self.server, self.major = server, major
        self.compared = self.roles = 0
        self.connection = connect(server)
        self.connection.execute(SETUP.read_bytes())
        self.loop = asyncio.Runner()
        self.runner = self.loop.run(differential.open_runner())

    def disagreements(self, state: State) -> list[str]:
        """Where the checks and the server differ about a role of the state."""
        self._clear()
        self.connection.execute(
            "SELECT truth.can_as(who, step) FROM unnest(%s::text[], %s::text[]) s(who, step)",
            [[who for who, _ in state.steps], [step for _, step in state.steps]],
        )
        where = endpoint(self.server, Family.POSTGRESQL)
        verdict = verdict_of(self.loop.run(self.runner.run_all(where, CHECKS)), self.major)
        for role, target in of_the_query(self.connection, self.major):
            verdict.gains[role].add(target)
        found: list[str] = []
        for role, own in self._log_ins().items():
            verdict.gains[role].update(own)
            found += self._about(role, verdict)
        self.compared += 1
        return found

    def _about(self, role: str, verdict: Verdict) -> list[str]:
        claimed, gained = verdict.gains[role], self._attack(role)
        self.roles += 1
        if "super" in claimed | gained:
            agreed = "super" in claimed & gained
        elif role in verdict.makers:
            # The finding says: any role but a superuser. What exists of them has to be reached.
            agreed = gained >= claimed and gained >= {"createrole", "pg_execute_server_program"}
            agreed = agreed and ("base_backup" in claimed) == ("base_backup" in gained)
        else:
            agreed = claimed == gained
        if agreed:
            return []
        return [f"{role}: checks say {sorted(claimed)}, the server let {sorted(gained)}"]

    def _attack(self, role: str) -> set[str]:
        with self.connection.transaction(force_rollback=True):
            row = self.connection.execute(
                "SELECT truth.attack(%s, %s, %s)", [role, json.dumps(DEEDS), ROUNDS]
            ).fetchone()
        assert row is not None
        return set(row[0])

    def _log_ins(self) -> dict[str, set[str]]:
        rows = self.connection.execute(
            "SELECT rolname, rolreplication FROM pg_roles "
            "WHERE rolcanlogin AND NOT rolsuper AND rolname = ANY (%s) ORDER BY 1",
            [list(NAMES)],
        ).fetchall()
        return {name: set(OWN["rolreplication"] if own else ()) for name, own in rows}

    def _clear(self) -> None:
        rows = self.connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [list(NAMES)]
        ).fetchall()
        names = ", ".join(row[0] for row in rows)
        if names:
            self.connection.execute(f"DROP OWNED BY {names}; DROP ROLE {names}".encode())

    def close(self) -> None:
        self.loop.run(self.runner.close())
        self.loop.close()
        self.connection.close()


def connect(server: Running) -> psycopg.Connection[Any]:
    """A session of the administrator, each statement for itself."""
    return psycopg.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        dbname="postgres",
        autocommit=True,
    )


def comparing(server: Running, major: int) -> closing[Comparison]:
    """A comparison that leaves nothing behind."""
    return closing(Comparison(server, major))


def compare(one: Comparison, count: int) -> None:
    """`count` states; a disagreement is an assertion that shows a smallest state with it."""
    smaller = partial(differential.smallest, one.disagreements)
    differential.compare(
        f"PostgreSQL {one.major}",
        count,
        lambda number: state(number, one.major),
        one.disagreements,
        smaller,
    )
