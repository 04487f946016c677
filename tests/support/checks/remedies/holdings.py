"""All that a MySQL or MariaDB server knows of accounts, rights and settings, to be compared."""

from __future__ import annotations

import json
import re
from typing import Any

import pymysql.cursors

from stt_coordinator.local.servers.process import Running
from tests.support.checks.real import as_root

BOTH = ("db", "tables_priv", "columns_priv", "procs_priv", "proxies_priv", "plugin")
# No check sees MySQL's default roles: a role comes back as one of them.
TABLES = {
    "mysql": (*BOTH, "user", "global_grants", "role_edges", "component"),
    "mariadb": (*BOTH, "global_priv", "roles_mapping"),
}
# When something was changed, by whom, and what counts by itself.
TIMES = {"Timestamp", "Grantor", "password_last_changed", "component_id", "component_group_id"}
OF_A_CHANGE = {"password_last_changed", "version_id"}
COUNTING = re.compile(
    r"(?i)gtid|timestamp|_pos$|^last_|^pseudo|^rand_|server_uuid|in_transaction|^insert_id|identity"
    r"|^error_count|^warning_count|innodb_buffer_pool_load|^connection_control|^component_connection"
)
# MariaDB makes the row with the first privilege of PUBLIC, and keeps it after the last.
PUBLIC_WITHOUT_RIGHTS = repr([("Host", ""), ("Priv", "{'is_role': True}"), ("User", "PUBLIC")])
Known = dict[str, dict[str, Any]]


def holdings(server: Running) -> Known:
    """Rows of the tables of rights by table, and the values of variables."""
    found: Known = {}
    with as_root(server) as connection:
        cursor = connection.cursor(pymysql.cursors.DictCursor)
        for table in TABLES[server.name]:
            cursor.execute(f"SELECT * FROM mysql.{table}")
            rows = (without_times(row) for row in cursor.fetchall())
            found[table] = {row: True for row in rows if row != PUBLIC_WITHOUT_RIGHTS}
        cursor.execute("SHOW GLOBAL VARIABLES")
        found["variables"] = {
            row["Variable_name"]: row["Value"]
            for row in cursor.fetchall()
            if not COUNTING.search(row["Variable_name"])
        }
    return found


def lines(server: Running) -> set[str]:
    """The same, each as a text."""
    tables = holdings(server).items()
    return {f"{table}: {key} = {value}" for table, rows in tables for key, value in rows.items()}


def without_times(row: dict[str, Any]) -> str:
    """A row as a text, in which the order of sets and the time of a change do not count."""
    kept = {key: value for key, value in row.items() if key not in TIMES}
    if "Priv" in kept:
        # MariaDB leaves out what was never set.
        held = json.loads(kept["Priv"]).items()
        kept["Priv"] = {key: value for key, value in held if value and key not in OF_A_CHANGE}
    return repr(sorted((key, str(value)) for key, value in kept.items()))


def differences(before: Known, after: Known) -> dict[str, Any]:
    """What is in one of both only."""
    found: dict[str, Any] = {}
    for table, rows in before.items():
        items, others = set(rows.items()), set(after[table].items())
        if items != others:
            found[table] = {"lost": items - others, "new": others - items}
    return found
