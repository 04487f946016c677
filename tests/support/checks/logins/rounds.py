"""Random files of pg_hba.conf on a real PostgreSQL: what the checks say against log-ins tried."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check, Server
from stt_shared.checkfile.variants import choose
from stt_shared.protocol.enums import Family
from stt_worker.oneshot import dry_run
from stt_worker.sandbox.port import Returned
from tests.support.checks import differential
from tests.support.checks.hba import file_of
from tests.support.checks.logins.client import Answer, LogIn, log_in
from tests.support.checks.logins.states import (
    ADDRESSES,
    BASES,
    MISSING,
    OWN_NETWORK,
    PASSWORD,
    ROLES,
    State,
    state,
)
from tests.support.checks.logins.verdicts import (
    CHECKS,
    NOBODY,
    Predicted,
    agrees,
    expected,
    matches,
    named,
)
from tests.support.checks.real import CheckRunner, endpoint
from tests.support.checks.rights.rounds import connect

PROBE = Path(__file__).with_name("probe.star")
OWN = f"host all postgres {OWN_NETWORK} scram-sha-256"  # line 1: how the test comes in
SAME = {"sameuser", "samerole", "samegroup"}
MANY = "FEW = 20"
AT_ONCE = 16  # sessions


class Comparison:
    """One server, on which a state is made, checked and logged in to from everywhere."""

    def __init__(self, server: Running, major: int, *, tls: bool = False) -> None:
        self.server, self.major = server, major
        self.kinds = ("clear", "tls") if tls else ("clear",)
        self.compared = self.tried = self.admitted = 0
        self.connection = connect(server)
        for name in BASES:
            self.connection.execute(f"CREATE DATABASE {name}".encode())
        self.loop = asyncio.Runner()
        self.runner: CheckRunner = self.loop.run(differential.open_runner())
        self.threads = ThreadPoolExecutor(AT_ONCE)

    def disagreements(self, found: State) -> list[str]:
        """Where the model and the server differ about a log-in, or a check about a rule."""
        self._clear()
        for statement in found.statements:
            self.connection.execute(made(statement).encode())
        self._write(found)
        predicted = self._predicted()
        tries = list(self._log_ins(found))
        answers = dict(zip(tries, self.threads.map(self._log_in, tries), strict=True))
        self.compared += 1
        self.tried += len(tries)
        self.admitted += sum(answer.admitted for answer in answers.values())
        lines = [
            f"{one}: the model says {predicted.get(one)}, the server {answer}"
            for one, answer in answers.items()
            if not agrees(predicted.get(one), answer)
        ]
        if lines:
            return lines
        where = endpoint(self.server, Family.POSTGRESQL)
        outcomes = self.loop.run(self.runner.run_all(where, CHECKS))
        in_by = {one: by for one, by in predicted.items() if answers.get(one, NOBODY).admitted}
        wanted = expected(in_by, self._md5_roles())
        return [
            f"{check}: found {named(outcomes[check])}, the server let in by {wanted[check]}"
            for check in CHECKS
            if not matches(named(outcomes[check]), wanted[check])
        ]

    def _log_in(self, one: LogIn) -> Answer:
        own = one.user == self.server.user
        return log_in(self.server, one, self.server.password if own else PASSWORD)

    def _log_ins(self, found: State) -> Iterator[LogIn]:
        ways = [("local", ""), *product(self.kinds, found.addresses())]
        for (kind, address), user in product(ways, (*ROLES, MISSING, self.server.user)):
            for database in (*BASES, MISSING, "postgres", ""):
                yield LogIn(kind, address, user, database)

    def _predicted(self) -> dict[LogIn, Predicted]:
        """By the part itself, on what its queries answer."""
        check = builtin().checks["postgresql_hba_errors"]
        part = check.script.partition("def finding(")[0]
        assert MANY in part  # in small states the checks do not come to it: the probe does
        part = part.replace(MANY, "FEW = 1")
        script = f"ADDRESSES = {['', *ADDRESSES]!r}\n{part}\n{PROBE.read_text(encoding='utf-8')}"
        probe = replace(check, script=script, digest="probe")
        docs = self._docs(probe)
        task, answers = dry_run.given(probe, docs)
        context = {"server": {"provider": "self-managed"}, "releases": {}, "now": 0}
        (verdict,) = self.loop.run(self.runner.sandbox.run([task], answers, context))
        assert isinstance(verdict, Returned), verdict
        words = {word for row in docs[0] for word in row["databases"] or []}
        return self._by_log_in(verdict.value, self._groups() if words & SAME else {})

    def _by_log_in(self, value: Any, groups: dict[str, set[str]]) -> dict[LogIn, Predicted]:
        """`groups`: those of each role, if the file distinguishes databases of their names."""
        rows, bases, replication = value
        found: dict[LogIn, Predicted] = {}
        for rule, method, kind, address, roles, bits in rows:
            for role in roles:
                databases = [""] if bits & replication else []
                for bit, names in bases:
                    for name in names:
                        mine = groups.get(role, set())
                        same = 2 if name == role and mine else int(name in mine)
                        databases += [name] if bits & bit << same else []
                for database in databases:
                    one = LogIn(kind, address, role, database)
                    assert one not in found, one
                    found[one] = Predicted(rule, method)
        return found

    def _groups(self) -> dict[str, set[str]]:
        rows = self.connection.execute(
            "WITH RECURSIVE above(role, oid) AS (SELECT rolname, oid FROM pg_roles "
            "UNION SELECT role, m.roleid FROM above a JOIN pg_auth_members m ON m.member = a.oid) "
            "SELECT role, array_agg(rolname::text) FROM above JOIN pg_roles USING (oid) GROUP BY 1"
        ).fetchall()
        return {role: set(groups) for role, groups in rows}

    def _docs(self, check: Check) -> list[list[dict[str, Any]]]:
        chosen = choose(check, Server(flavour="postgresql", version=(self.major,)))
        cursor = self.connection.cursor(row_factory=dict_row)
        return [
            cursor.execute(f"SELECT {query.text}".encode()).fetchall() for query in chosen.queries
        ]

    def _write(self, found: State) -> None:
        file = file_of(self.server)
        for name, text in found.files.items():
            other = file.with_name(name)
            other.write_text(text, encoding="utf-8")
            other.chmod(0o644)
        file.write_text("\n".join([OWN, *found.lines, ""]), encoding="utf-8")
        before = self._loaded()
        self.connection.execute("SELECT pg_reload_conf()")
        while self._loaded() == before:
            pass

    def _loaded(self) -> Any:
        """When the files were loaded that decide about a session of now."""
        with connect(self.server) as fresh:
            row = fresh.execute("SELECT pg_conf_load_time()").fetchone()
        assert row is not None
        return row[0]

    def _md5_roles(self) -> set[str]:
        rows = self.connection.execute("SELECT usename FROM pg_shadow WHERE passwd ~ '^md5'")
        return {row[0] for row in rows.fetchall()}

    def _clear(self) -> None:
        rows = self.connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY (%s)", [list(ROLES)]
        ).fetchall()
        for base in BASES:
            self.connection.execute(f"GRANT CONNECT ON DATABASE {base} TO PUBLIC".encode())
        if names := ", ".join(row[0] for row in rows):
            self.connection.execute(f"DROP OWNED BY {names}; DROP ROLE {names}".encode())

    def close(self) -> None:
        self.threads.shutdown()
        self.loop.run(self.runner.close())
        self.loop.close()
        self.connection.close()


def made(statement: str) -> str:
    """The statement with a stored password in place of its kind."""
    password = f"PASSWORD '{PASSWORD}'"
    name = statement.split()[2]
    digest = hashlib.md5((PASSWORD + name).encode()).hexdigest()  # noqa: S324  # as the server does
    return (
        statement.replace(" SCRAM", f" {password}")
        .replace(" MD5", f" PASSWORD 'md5{digest}'")
        .replace(" NONE", "")
    )


def comparing(server: Running, major: int, *, tls: bool = False) -> closing[Comparison]:
    """A comparison that leaves nothing behind."""
    return closing(Comparison(server, major, tls=tls))


def compare(one: Comparison, count: int) -> None:
    """`count` states; a disagreement is an assertion that shows a smallest state with it."""
    differential.compare(
        f"PostgreSQL {one.major}",
        count,
        lambda number: state(number, one.major),
        one.disagreements,
        partial(smallest, one),
    )


def smallest(one: Comparison, found: State) -> State:
    """A state with a disagreement, from which no line and no statement can be left out."""
    found = _fewer(one, found, len(found.lines), State.without_line)
    return _fewer(one, found, len(found.statements), State.without_statement)


def _fewer(
    one: Comparison, found: State, count: int, without: Callable[[State, int], State]
) -> State:
    for place in reversed(range(count)):
        tried = without(found, place)
        if _differs(one, tried):
            found = tried
    return found


def _differs(one: Comparison, tried: State) -> bool:
    try:
        return bool(one.disagreements(tried))
    except psycopg.Error:  # a statement lacks what an earlier one made
        return False
