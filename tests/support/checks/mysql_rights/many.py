"""Thousands of accounts on a server of MySQL or MariaDB, and among them a few that matter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stt_coordinator.local.servers.process import Running
from tests.support.checks.real import as_root, mysql_do

PASSWORD = "Str0ng-enough"
MANY = 0.8  # of the accounts are open to every host; the others have an address each
# The account that each check has to name.
BAD = {
    "mysql_admin_privileges": "'zz_all'@'10.0.0.9'",
    "mysql_file_privilege": "'zz_file'@'%'",
    "mysql_shutdown_privilege": "'zz_member'@'10.0.0.9'",
    "mysql_system_schema_grants": "'zz_table'@'10.0.0.9'",
    "mysql_empty_password": "'zz_empty'@'10.0.0.9'",
    "mysql_public_network_host": "'zz_public'@'8.8.8.8'",
    "mysql_grant_option": "'zz_passes'@'10.0.0.9'",
}
OPEN_ACCOUNTS = ["mysql_wildcard_host"]
# One after the other, in six digits.
NUMBERS = " JOIN ".join(
    f"(SELECT 0 AS n{place} {' '.join(f'UNION ALL SELECT {one}' for one in range(1, 10))}) d{place}"
    for place in range(6)
)
NUMBER = " + ".join(f"n{place} * {10**place}" for place in range(6))


@contextmanager
def many_accounts(server: Running, count: int, *, mariadb: bool) -> Iterator[None]:
    """The server with `count` accounts with a schema and a role each, and those of BAD."""
    mysql_do(server, [*_few(mariadb=mariadb), *_many(server, count, mariadb=mariadb)])
    try:
        yield
    finally:
        mysql_do(server, _gone(mariadb=mariadb))


def _few(*, mariadb: bool) -> list[str]:
    role = "zz_power" if mariadb else "'zz_power'@'%'"
    grants = "global_priv" if mariadb else "user"
    return [
        *[
            f"CREATE USER {account} IDENTIFIED BY '{PASSWORD}'"
            for account in [*sorted(set(BAD.values())), "'zz_template'@'%'"]
        ],
        "ALTER USER 'zz_empty'@'10.0.0.9' IDENTIFIED BY ''",
        "GRANT ALL ON *.* TO 'zz_all'@'10.0.0.9' WITH GRANT OPTION",
        "GRANT FILE ON *.* TO 'zz_file'@'%'",
        f"GRANT UPDATE ON mysql.{grants} TO 'zz_table'@'10.0.0.9'",
        "GRANT SELECT ON zz_own.* TO 'zz_passes'@'10.0.0.9' WITH GRANT OPTION",
        "CREATE ROLE zz_power",
        f"GRANT SHUTDOWN ON *.* TO {role}",
        f"GRANT {role} TO 'zz_member'@'10.0.0.9'",
        "CREATE ROLE zz_reader",
        "GRANT SELECT ON zz_common.* TO zz_reader",
        "GRANT zz_reader TO 'zz_template'@'%'",
        "GRANT ALL ON zz_own.* TO 'zz_template'@'%'",
    ]


def _many(server: Running, count: int, *, mariadb: bool) -> list[str]:
    tables = {
        "global_priv" if mariadb else "user": "User",
        "roles_mapping" if mariadb else "role_edges": "User" if mariadb else "TO_USER",
        "db": "User",
    }
    lines: list[str] = []
    for table, user in tables.items():
        names = _columns(server, table)
        copied = {
            user: "CONCAT('app', LPAD(n, 6, '0'))",
            user.replace("User", "Host").replace("USER", "HOST"): _host(count),
            "Db": "CONCAT('tenant', n)",
        }
        lines.append(
            f"INSERT INTO mysql.{table} ({', '.join(names)})"
            f" SELECT {', '.join(copied.get(name, name) for name in names)} FROM mysql.{table}"
            f" JOIN (SELECT {NUMBER} AS n FROM {NUMBERS}) numbers"
            f" WHERE {user} = 'zz_template' AND n < {count}"
        )
    return [*lines, "FLUSH PRIVILEGES"]


def _columns(server: Running, table: str) -> list[str]:
    with as_root(server) as connection, connection.cursor() as cursor:
        cursor.execute(f"SHOW COLUMNS FROM mysql.{table}")
        return [row[0] for row in cursor.fetchall()]


def _host(count: int) -> str:
    address = "CONCAT('10.', n DIV 65536, '.', n DIV 256 MOD 256, '.', n MOD 256)"
    return f"IF(n < {int(count * MANY)}, '%', {address})"


def _gone(*, mariadb: bool) -> list[str]:
    tables = ["global_priv", "roles_mapping"] if mariadb else ["user"]
    lines = [f"DELETE FROM mysql.{one} WHERE User LIKE 'app0%'" for one in [*tables, "db"]]
    if not mariadb:
        lines.append("DELETE FROM mysql.role_edges WHERE TO_USER LIKE 'app0%'")
    accounts = [*sorted(set(BAD.values())), "'zz_template'@'%'"]
    return [
        *lines,
        "FLUSH PRIVILEGES",
        f"DROP USER {', '.join(accounts)}",
        "DROP ROLE zz_power",
        "DROP ROLE zz_reader",
    ]
