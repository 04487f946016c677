"""What a real MySQL or MariaDB lets the sessions of each account do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pymysql

from stt_coordinator.local.servers.process import Running

SOCKET = ""
BACKSLASH = "\\"
SOURCES = (
    *("127.0.0.1", "127.0.0.2", "127.0.0.9", "127.0.0.10", "127.0.0.12"),
    *("127.1.0.1", "127.1.0.2", "127.1.0.10", "::1", SOCKET),
)
DENIED = {1044, 1045, 1130, 1142, 1143, 1227, 1370, 1698}
COMMON = {
    "FILE": ["SELECT 1 INTO OUTFILE '/nonexistent/truth'"],
    "PROCESS": ["SELECT 1 FROM information_schema.INNODB_TRX"],
    "CREATE USER": ["CREATE USER IF NOT EXISTS 'someone'@'%'"],
    "change": [
        "INSERT INTO truth.t SELECT 1 FROM DUAL WHERE FALSE",
        "UPDATE truth.t SET id = 1 WHERE FALSE",
        "DELETE FROM truth.t WHERE FALSE",
    ],
}
MYSQL = COMMON | {
    "SYSTEM_VARIABLES_ADMIN": ["SET GLOBAL max_error_count = DEFAULT"],
    "reads": [
        "SELECT authentication_string FROM mysql.user LIMIT 0",
        "SELECT Password FROM mysql.password_history LIMIT 0",
    ],
    "writes": [
        *(
            f"{write} {where}"
            for write in (
                *(
                    f"UPDATE mysql.user SET {one} = 'Y'"
                    for one in ("authentication_string", "User", "Super_priv")
                ),
                "UPDATE mysql.db SET Select_priv = 'Y'",
                "UPDATE mysql.global_grants SET PRIV = 'X'",
                "UPDATE mysql.role_edges SET FROM_USER = 'x'",
                *(
                    f"DELETE FROM mysql.{one}"
                    for one in ("user", "db", "global_grants", "role_edges")
                ),
                "INSERT INTO mysql.user (authentication_string) SELECT 'x' FROM DUAL",
                "INSERT INTO mysql.user (User) SELECT 'x' FROM DUAL",
                "INSERT INTO mysql.user (Super_priv) SELECT 'Y' FROM DUAL",
                "INSERT INTO mysql.db (Select_priv) SELECT 'Y' FROM DUAL",
                "INSERT INTO mysql.global_grants (PRIV) SELECT 'X' FROM DUAL",
                "INSERT INTO mysql.role_edges (FROM_USER) SELECT 'x' FROM DUAL",
            )
            for where in ["WHERE FALSE"]
        ),
        "DROP TABLE mysql.nothing",
        "ALTER TABLE mysql.nothing COMMENT ''",
    ],
}
MARIADB = COMMON | {
    "BINLOG ADMIN": ["PURGE BINARY LOGS TO 'nothing'"],
    "reads": [
        "SELECT Priv FROM mysql.global_priv LIMIT 0",
        "SELECT authentication_string FROM mysql.user LIMIT 0",
    ],
    "writes": [
        *(
            f"{write} WHERE FALSE"
            for write in (
                "UPDATE mysql.global_priv SET Priv = '{}'",
                "UPDATE mysql.global_priv SET User = 'x'",
                "UPDATE mysql.db SET Select_priv = 'Y'",
                "UPDATE mysql.roles_mapping SET Role = 'x'",
                "UPDATE mysql.proc SET body = ''",
                *(
                    f"DELETE FROM mysql.{one}"
                    for one in ("global_priv", "user", "db", "roles_mapping", "proc")
                ),
                "INSERT INTO mysql.global_priv (Priv) SELECT '{}' FROM DUAL",
                "INSERT INTO mysql.global_priv (User) SELECT 'x' FROM DUAL",
                "INSERT INTO mysql.db (Select_priv) SELECT 'Y' FROM DUAL",
                "INSERT INTO mysql.roles_mapping (Role) SELECT 'x' FROM DUAL",
                "INSERT INTO mysql.proc (body) SELECT '' FROM DUAL",
            )
        ),
        "DROP TABLE mysql.nothing",
        "ALTER TABLE mysql.nothing COMMENT ''",
    ],
}
Gains = dict[str, set[str]]


class Oracle:
    """Sessions of every user from every source address, and what each may do."""

    def __init__(self, server: Running) -> None:
        self.server, self.maria = server, server.name == "mariadb"
        self.deeds = MARIADB if self.maria else MYSQL

    def gains(self, users: set[str], roles: list[str]) -> Gains:
        """What each account that a session can have may do, under each of its roles."""
        found: Gains = defaultdict(set)
        for user in sorted(users):
            for source in SOURCES:
                with self._session(user, source) as session:
                    if session is None:
                        continue
                    account = _account(session)
                    found[account] |= self._gains(session, roles)
        return found

    def _gains(self, session: Any, roles: list[str]) -> set[str]:
        found: set[str] = set()
        for mode in ["NONE", *roles]:
            if not _runs(session, f"SET ROLE {mode}"):
                continue
            for gain, deeds in self.deeds.items():
                if gain not in found and any(_allowed(session, deed) for deed in deeds):
                    found.add(gain)
        return found

    @contextmanager
    def _session(self, user: str, source: str) -> Generator[Any]:
        try:
            connection = pymysql.connect(
                host="::1" if source == "::1" else self.server.host,
                port=self.server.port,
                unix_socket=self.server.socket if source == SOCKET else None,
                user=user,
                password="",
                bind_address=source or None,
                ssl_disabled=True,  # a context for each log-in costs more than all deeds
            )
        except pymysql.err.OperationalError as error:
            if error.args[0] not in DENIED:
                raise
            yield None
            return
        with connection, connection.cursor() as cursor:
            yield cursor


def _account(session: Any) -> str:
    session.execute("SELECT CURRENT_USER()")
    user, _, host = session.fetchone()[0].rpartition("@")
    return f"'{user}'@'{host.replace(BACKSLASH, BACKSLASH * 2)}'"  # as checks write it


def _runs(session: Any, statement: str) -> bool:
    try:
        session.execute(statement)
    except pymysql.err.Error:
        return False
    return True


def _allowed(session: Any, deed: str) -> bool:
    try:
        session.execute(deed)
    except pymysql.err.Error as error:
        return error.args[0] not in DENIED
    return True
