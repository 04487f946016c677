"""Accounts with more privileges, or reachable from more hosts, than theirs should be."""

from __future__ import annotations

from tests.checks.scenario import State

BOTH = ("mariadb", "mysql")
MARIADB, MYSQL = ("mariadb",), ("mysql",)
WITH = "IDENTIFIED BY 'Str0ng-enough'"


def granted(
    check: str, severity: str, privileges: str, on: tuple[str, ...] = BOTH, name: str = "granted"
) -> State:
    """An account that holds global `privileges`."""
    return State(
        check=check,
        name=f"{name}_to_an_application",
        on=on,
        make=[
            f"CREATE USER 'app'@'10.9.8.7' {WITH}",
            f"GRANT {privileges} ON *.* TO 'app'@'10.9.8.7'",
        ],
        undo=["DROP USER 'app'@'10.9.8.7'"],
        finds={"'app'@'10.9.8.7'": severity},
    )


def through_a_role(check: str, severity: str, privileges: str, on: tuple[str, ...] = BOTH) -> State:
    """An account that reaches global `privileges` through a role of a role."""
    return State(
        check=check,
        name="reached_through_a_role_of_a_role",
        on=on,
        make=[
            f"CREATE USER 'app'@'10.9.8.7' {WITH}",
            "CREATE ROLE 'inner_role'",
            "CREATE ROLE 'outer_role'",
            f"GRANT {privileges} ON *.* TO 'inner_role'",
            "GRANT 'inner_role' TO 'outer_role'",
            "GRANT 'outer_role' TO 'app'@'10.9.8.7'",
        ],
        undo=["DROP USER 'app'@'10.9.8.7'", "DROP ROLE 'inner_role'", "DROP ROLE 'outer_role'"],
        finds={"'app'@'10.9.8.7'": severity},
    )


STATES = [
    granted("mysql_admin_privileges", "major", "INSERT, DROP, ALTER"),
    granted("mysql_admin_privileges", "major", "ALL PRIVILEGES", name="everything"),
    through_a_role("mysql_admin_privileges", "major", "UPDATE"),
    through_a_role("mysql_admin_privileges", "major", "ALL PRIVILEGES", on=MYSQL),
    granted("mysql_super_privilege", "major", "SUPER"),
    granted("mysql_super_privilege", "major", "SUPER, SYSTEM_VARIABLES_ADMIN", MYSQL, "parts"),
    granted("mysql_super_privilege", "major", "BINLOG ADMIN, SET USER", MARIADB, "parts"),
    through_a_role("mysql_super_privilege", "major", "SUPER"),
    granted("mysql_file_privilege", "critical", "FILE, INSERT", MARIADB),
    granted("mysql_file_privilege", "major", "FILE, INSERT", MYSQL),
    through_a_role("mysql_file_privilege", "major", "FILE", MYSQL),
    granted("mysql_process_privilege", "trivial", "PROCESS"),
    through_a_role("mysql_process_privilege", "trivial", "PROCESS"),
    granted("mysql_shutdown_privilege", "trivial", "SHUTDOWN"),
    through_a_role("mysql_shutdown_privilege", "trivial", "SHUTDOWN"),
    granted("mysql_create_user_privilege", "major", "CREATE USER"),
    granted("mysql_create_user_privilege", "major", "CREATE ROLE, DROP ROLE", MYSQL, "roles"),
    through_a_role("mysql_create_user_privilege", "major", "CREATE USER"),
]
