"""Accounts without a password and without a name."""

from __future__ import annotations

from tests.support.checks.scenario import State

BOTH = ("mariadb", "mysql")
STATES = [
    State(
        check="mysql_empty_password",
        name="an_account_without_a_password",
        on=BOTH,
        make=["CREATE USER 'report'@'%'"],
        undo=["DROP USER 'report'@'%'"],
        finds={"'report'@'%'": "critical"},
    ),
    State(
        check="mysql_anonymous_users",
        name="an_account_without_a_name",
        on=BOTH,
        make=["CREATE USER ''@'anon.example'"],
        undo=["DROP USER IF EXISTS ''@'anon.example'"],
        finds={"''@'anon.example'": "critical"},
    ),
]
