"""Random states of a real MySQL or MariaDB: what checks say, and what the server lets be done."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import closing
from functools import partial

import pymysql

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from tests.support.checks import differential
from tests.support.checks.mysql_rights.oracle import Oracle
from tests.support.checks.mysql_rights.states import ROLES, USERS, State, state
from tests.support.checks.mysql_rights.verdicts import CHECKS, Verdict, verdict_of
from tests.support.checks.real import as_root, endpoint

WITNESS = "someone"  # an account without any grant: it gains what everybody does
NAMES = ", ".join(f"'{one}'" for one in ("", WITNESS, *USERS, *ROLES))
GRANTS = ("db", "tables_priv", "columns_priv")
FAST = {"innodb_flush_log_at_trx_commit": 0, "sync_binlog": 0}


class Comparison:
    """One server, on which a state is made, checked, attacked and removed again."""

    def __init__(self, server: Running) -> None:
        self.server, self.oracle = server, Oracle(server)
        self.maria = self.oracle.maria
        self.compared = self.accounts = 0
        self.connection = as_root(server, autocommit=True)
        self.before = {name: self._rows(f"SELECT @@GLOBAL.{name}")[0][0] for name in FAST}
        self._set(FAST)
        self._do("CREATE DATABASE IF NOT EXISTS truth")
        self._do("CREATE TABLE IF NOT EXISTS truth.t (id INT)")
        self.loop = asyncio.Runner()
        self.runner = self.loop.run(differential.open_runner())

    def disagreements(self, state: State) -> list[str]:
        """Where the checks and the server differ about an account of the state."""
        self._clear()
        self._do(f"CREATE USER '{WITNESS}'@'%'")
        for step in state.steps:
            self._try(step)
        self._do("FLUSH PRIVILEGES")  # for the rows that no GRANT made
        for step in state.memberships() if self.maria else []:
            self._try(step)  # MariaDB 10.11 loses what roles behind roles give until the next GRANT
        where = endpoint(self.server, Family.MYSQL)
        verdict = verdict_of(self.loop.run(self.runner.run_all(where, CHECKS)))
        users = {account.split("'")[1] for account in state.accounts}
        gained = self.oracle.gains({WITNESS, *users}, list(ROLES))
        self.compared += 1
        self.accounts += len(gained)
        return [
            line for account, gains in gained.items() for line in _about(account, gains, verdict)
        ]

    def _clear(self) -> None:
        if not self.maria:
            self._do("SET GLOBAL mandatory_roles = ''")
        rows = self._rows(f"SELECT User, Host FROM mysql.user WHERE User IN ({NAMES})")
        for user, host in rows:
            role = self.maria and host == ""
            account = self.connection.escape(user) + "@" + self.connection.escape(host)
            self._do(f"DROP ROLE {user}" if role else f"DROP USER {account}")
        for table in GRANTS:
            tests = "AND Db NOT LIKE 'test%'" if table == "db" else ""
            self._do(f"DELETE FROM mysql.{table} WHERE User IN ({NAMES}, 'PUBLIC') {tests}")
        if self.maria:
            self._do("DELETE FROM mysql.global_priv WHERE User = 'PUBLIC'")
            self._do("DELETE FROM mysql.roles_mapping WHERE User = 'PUBLIC'")
        self._do("FLUSH PRIVILEGES")
        if not self.maria:
            self._do("SET GLOBAL partial_revokes = OFF")

    def _do(self, statement: str) -> None:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)

    def _try(self, statement: str) -> None:
        try:
            self._do(statement)
        except pymysql.err.Error:
            return

    def _rows(self, statement: str) -> list[tuple[str, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def _set(self, values: Mapping[str, object]) -> None:
        for name, value in values.items():
            self._do(f"SET GLOBAL {name} = {value}")

    def close(self) -> None:
        self._clear()
        self._do("DROP DATABASE truth")
        self._set(self.before)
        self.loop.run(self.runner.close())
        self.loop.close()
        self.connection.close()


def _about(account: str, gains: set[str], verdict: Verdict) -> list[str]:
    claimed, everybody = verdict.gains[account], verdict.everybody
    # Who inserts into the schema mysql may run CREATE USER: that is one finding.
    implied = {"change", "CREATE USER"} if "writes" in claimed | everybody else {"change"}
    agreed = claimed <= gains and gains - implied <= claimed | everybody
    if WITNESS in account:
        agreed = agreed and everybody <= gains
    if agreed:
        return []
    claim = f"checks say {sorted(claimed)} and of everybody {sorted(everybody)}"
    return [f"{account}: {claim}, the server let {sorted(gains)}"]


def comparing(server: Running) -> closing[Comparison]:
    """A comparison that leaves nothing behind."""
    return closing(Comparison(server))


def compare(one: Comparison, count: int) -> None:
    """`count` states; a disagreement is an assertion that shows a smallest state with it."""
    smaller = partial(differential.smallest, one.disagreements)
    differential.compare(
        one.server.name, count, partial(state, maria=one.maria), one.disagreements, smaller
    )
