"""Accounts with more privileges, or reachable from more hosts, than theirs should be."""

from __future__ import annotations

from tests.support.checks.scenario import State

BOTH = ("mariadb", "mysql")
MARIADB, MYSQL = ("mariadb",), ("mysql",)
WITH = "IDENTIFIED BY 'Str0ng-enough'"


def granted(
    check: str,
    severity: str,
    privileges: str,
    on: tuple[str, ...] = BOTH,
    *,
    name: str = "granted",
    option: str = "",
) -> State:
    """An account that holds global `privileges`."""
    return State(
        check=check,
        name=f"{name}_to_an_application",
        on=on,
        make=[
            f"CREATE USER 'app'@'10.9.8.7' {WITH}",
            f"GRANT {privileges} ON *.* TO 'app'@'10.9.8.7'{option}",
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


def reachable(
    check: str, severity: str, account: str, name: str, *grants: str, on: tuple[str, ...] = BOTH
) -> State:
    """An account with a host that it should not have, and privileges; it is renamed."""
    user = account.partition("@")[0]
    return State(
        check=check,
        name=name,
        on=on,
        make=[f"CREATE USER {account} {WITH}", *(f"GRANT {one} TO {account}" for one in grants)],
        undo=[f"DROP USER IF EXISTS {account}", f"DROP USER IF EXISTS {user}@'localhost'"],
        finds={account: severity},
    )


EVERYTHING = "ALL PRIVILEGES ON *.*"
HOSTS = [
    reachable("mysql_root_remote", "major", "'dba'@'%'", "another_administrator", EVERYTHING),
    State(
        check="mysql_root_remote",
        name="root_from_a_network",
        on=BOTH,
        make=[f"CREATE USER 'root'@'10.%' {WITH}", f"GRANT {EVERYTHING} TO 'root'@'10.%'"],
        undo=["DROP USER IF EXISTS 'root'@'10.%'"],
        finds={"'root'@'10.%'": "major"},
    ),
    reachable("mysql_super_remote", "major", "'op'@'%'", "super_from_everywhere", "SUPER ON *.*"),
    reachable(
        "mysql_super_remote",
        "major",
        "'op'@'10.0.0.0/255.0.0.0'",
        "a_network",
        "CREATE USER ON *.*",
    ),
    reachable(
        "mysql_super_remote", "major", "'op'@'db_1'", "a_part", "ROLE_ADMIN ON *.*", on=MYSQL
    ),
    reachable("mysql_wildcard_host", "major", "'app'@'%'", "open_to_every_host"),
    reachable("mysql_public_network_host", "major", "'app'@'203.0.113.7'", "a_public_address"),
    reachable("mysql_public_network_host", "major", "'app'@'203.0.%'", "a_public_pattern"),
    State(
        check="mysql_wildcard_host",
        name="open_to_every_host_by_tls",
        on=BOTH,
        make=[f"CREATE USER 'app'@'%' {WITH} REQUIRE SSL"],
        undo=["DROP USER IF EXISTS 'app'@'%'", "DROP USER IF EXISTS 'app'@'localhost'"],
        finds={"'app'@'%'": "trivial"},
    ),
    State(
        check="mysql_super_remote",
        name="an_account_that_was_granted_as_a_role",
        on=MYSQL,
        make=[
            f"CREATE USER 'op'@'%' {WITH}",
            f"CREATE USER 'op2'@'localhost' {WITH}",
            "GRANT SUPER ON *.* TO 'op'@'%'",
            "GRANT 'op'@'%' TO 'op2'@'localhost'",
        ],
        undo=["DROP USER 'op'@'%', 'op2'@'localhost'"],
        finds={"'op'@'%'": "major"},
    ),
    State(
        check="mysql_super_remote",
        name="an_account_with_a_role_is_renamed_with_it",
        on=BOTH,
        make=[
            f"CREATE USER 'op'@'%' {WITH}",
            "CREATE ROLE 'operators'",
            "GRANT SUPER ON *.* TO 'operators'",
            "GRANT 'operators' TO 'op'@'%'",
        ],
        undo=[
            "DROP USER IF EXISTS 'op'@'%'",
            "DROP USER IF EXISTS 'op'@'localhost'",
            "DROP ROLE 'operators'",
        ],
        finds={"'op'@'%'": "major"},
    ),
]
APP = "'app'@'10.9.8.7'"


def passing_on(name: str, *grants: str, on: tuple[str, ...] = BOTH) -> State:
    """An account that may pass on what it holds."""
    return State(
        check="mysql_grant_option",
        name=name,
        on=on,
        make=[
            "CREATE DATABASE `shop_1`",
            "CREATE TABLE `shop_1`.`ord``ers` (id INT)",
            "CREATE PROCEDURE `shop_1`.`pay` () SELECT 1",
            f"CREATE USER {APP} {WITH}",
            *(f"GRANT {one} TO {APP} WITH GRANT OPTION" for one in grants),
        ],
        undo=[f"DROP USER {APP}", "DROP DATABASE `shop_1`"],
        finds={APP: "major"},
    )


GRANTING = [
    passing_on("of_a_global_privilege", "SELECT ON *.*"),
    passing_on("of_a_schema", r"SELECT ON `shop\_1`.*"),
    passing_on("of_a_table_and_a_column", "SELECT (id), INSERT ON `shop_1`.`ord``ers`"),
    passing_on("of_a_routine", "EXECUTE ON PROCEDURE `shop_1`.`pay`"),
    passing_on("of_dynamic_privileges", "BACKUP_ADMIN, ROLE_ADMIN ON *.*", on=MYSQL),
    passing_on(
        "of_all_kinds", "PROCESS ON *.*", "ALL ON `shop_1`.*", "SELECT ON `shop_1`.`ord``ers`"
    ),
    State(
        check="mysql_grant_option",
        name="through_a_role",
        on=BOTH,
        make=[
            f"CREATE USER {APP} {WITH}",
            "CREATE ROLE 'lender'",
            "GRANT SELECT ON `shop`.* TO 'lender' WITH GRANT OPTION",
            f"GRANT 'lender' TO {APP}",
        ],
        undo=[f"DROP USER {APP}", "DROP ROLE 'lender'"],
        finds={APP: "major"},
    ),
]
STATES = [
    *HOSTS,
    *GRANTING,
    granted("mysql_replication_privilege", "major", "REPLICATION SLAVE, SELECT"),
    granted(
        "mysql_admin_privileges",
        "major",
        "ALL PRIVILEGES",
        name="everything_to_pass_on",
        option=" WITH GRANT OPTION",
    ),
    granted("mysql_admin_privileges", "major", "INSERT, DROP, ALTER"),
    granted("mysql_admin_privileges", "major", "ALL PRIVILEGES", name="everything"),
    through_a_role("mysql_admin_privileges", "major", "UPDATE"),
    through_a_role("mysql_admin_privileges", "major", "ALL PRIVILEGES", on=MYSQL),
    granted("mysql_super_privilege", "major", "SUPER"),
    granted("mysql_super_privilege", "major", "SUPER, SYSTEM_VARIABLES_ADMIN", MYSQL, name="parts"),
    granted("mysql_super_privilege", "major", "BINLOG ADMIN, SET USER", MARIADB, name="parts"),
    through_a_role("mysql_super_privilege", "major", "SUPER"),
    granted("mysql_file_privilege", "critical", "FILE, INSERT", MARIADB),
    granted("mysql_file_privilege", "major", "FILE, INSERT", MYSQL),
    through_a_role("mysql_file_privilege", "major", "FILE", MYSQL),
    granted("mysql_process_privilege", "trivial", "PROCESS"),
    through_a_role("mysql_process_privilege", "trivial", "PROCESS"),
    granted("mysql_shutdown_privilege", "trivial", "SHUTDOWN"),
    through_a_role("mysql_shutdown_privilege", "trivial", "SHUTDOWN"),
    granted("mysql_create_user_privilege", "major", "CREATE USER"),
    granted("mysql_create_user_privilege", "major", "CREATE ROLE, DROP ROLE", MYSQL, name="roles"),
    through_a_role("mysql_create_user_privilege", "major", "CREATE USER"),
]
