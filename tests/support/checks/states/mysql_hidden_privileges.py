"""The schema mysql in the wrong hands, accounts that act as others, and roles for everybody."""

from __future__ import annotations

from typing import Any

from tests.support.checks.scenario import State

BOTH = ("mariadb", "mysql")
MARIADB, MYSQL = ("mariadb",), ("mysql",)
WITH = "IDENTIFIED BY 'Str0ng-enough'"
APP = "'app'@'10.9.8.7'"


def with_account(
    check: str, name: str, make: list[str], undo: list[str], on: tuple[str, ...] = BOTH
) -> dict[str, Any]:
    """What states with the account of an application have in common."""
    return {
        "check": check,
        "name": name,
        "on": on,
        "make": [f"CREATE USER {APP} {WITH}", *make],
        "undo": [f"DROP USER {APP}", *undo],
    }


def system_schema(name: str, severity: str, *grants: str, on: tuple[str, ...] = BOTH) -> State:
    """An account that gets at the schema mysql."""
    make = [f"GRANT {one} TO {APP}" for one in grants]
    return State(
        **with_account("mysql_system_schema_grants", name, make, [], on), finds={APP: severity}
    )


SYSTEM_SCHEMA = [
    system_schema("reading_everything", "major", "SELECT ON *.*"),
    system_schema("writing_everything", "critical", "UPDATE ON *.*"),
    system_schema("reading_the_schema", "major", "SELECT ON mysql.*"),
    system_schema("writing_the_schema", "critical", "SELECT, INSERT ON mysql.*"),
    system_schema("a_pattern", "major", "SELECT ON `my%`.*"),
    system_schema("a_table_with_hashes", "major", "SELECT ON mysql.user", on=MYSQL),
    system_schema("a_table_with_hashes", "major", "SELECT ON mysql.global_priv", on=MARIADB),
    system_schema(
        "a_column_with_hashes", "major", "SELECT (authentication_string) ON mysql.user", on=MYSQL
    ),
    system_schema(
        "a_column_with_hashes", "major", "SELECT (Priv) ON mysql.global_priv", on=MARIADB
    ),
    system_schema("a_table_of_power", "critical", "INSERT, DELETE ON mysql.db"),
    system_schema(
        "all_of_these", "critical", "SELECT ON *.*", "ALL ON mysql.*", "UPDATE ON mysql.db"
    ),
    State(
        **with_account(
            "mysql_system_schema_grants",
            "through_a_role",
            [
                "CREATE ROLE 'keeper'",
                "GRANT UPDATE ON mysql.* TO 'keeper'",
                f"GRANT 'keeper' TO {APP}",
            ],
            ["DROP ROLE 'keeper'"],
        ),
        finds={APP: "critical"},
    ),
    State(
        **with_account(
            "mysql_system_schema_grants",
            "with_partial_revokes",
            ["SET GLOBAL partial_revokes = ON", f"GRANT SELECT, UPDATE ON *.* TO {APP}"],
            ["SET GLOBAL partial_revokes = OFF"],
            MYSQL,
        ),
        finds={APP: "critical"},
    ),
]
LEFT_BEHIND = [
    State(
        **with_account(
            "mysql_system_schema_grants",
            "a_grant_to_another_host_of_the_same_name",
            [
                "INSERT INTO mysql.db (Host, Db, User, Update_priv) VALUES ('%', '%', 'app', 'Y')",
                "FLUSH PRIVILEGES",
            ],
            ["DELETE FROM mysql.db WHERE User = 'app'", "FLUSH PRIVILEGES"],
        ),
        finds={APP: "critical"},
    ),
    State(
        **with_account(
            "mysql_public_role_grants",
            "a_grant_of_the_anonymous_user",
            [
                "INSERT INTO mysql.db (Host, Db, User, Update_priv) VALUES ('%', '%', '', 'Y')",
                "FLUSH PRIVILEGES",
            ],
            ["DELETE FROM mysql.db WHERE User = ''", "FLUSH PRIVILEGES"],
        ),
        finds={"''@'%' on `%`.*": "critical"},
    ),
]
# Without these no account of MySQL proxies. In MariaDB none with a password does.
ON = [f"SET GLOBAL {one}proxy_users = ON" for one in ("check_", "caching_sha2_password_")]
OFF = [one.replace("ON", "OFF") for one in ON]
Proxying = tuple[tuple[str, ...], list[str], list[str]]
PAM = ["INSTALL SONAME 'auth_pam'", f"ALTER USER {APP} IDENTIFIED VIA pam"]
NO_PAM = ["UNINSTALL SONAME 'auth_pam'"]
PROXYING: tuple[Proxying, Proxying] = ((MYSQL, ON, OFF), (MARIADB, PAM, NO_PAM))


def proxies(
    name: str,
    finds: dict[str, str],
    make: list[str],
    undo: list[str],
    proxying: Proxying,
) -> State:
    """An account that proxies and has a grant to."""
    on, before, after = proxying
    common = with_account("mysql_proxy_grants", name, [*before, *make], [*undo, *after], on)
    return State(**common, finds=finds)


PROXIES = [
    state
    for proxying, any_host in zip(PROXYING, ("", "%"), strict=True)
    for state in (
        proxies(
            "acting_as_root",
            {f"{APP} as 'root'@'localhost'": "major"},
            [f"GRANT PROXY ON root@localhost TO {APP}"],
            [],
            proxying,
        ),
        proxies(
            "acting_as_everybody",
            {f"{APP} as ''@'{any_host}'": "major"},
            [f"GRANT PROXY ON ''@'' TO {APP}"],
            [],
            proxying,
        ),
        proxies(
            "acting_as_others",
            {f"{APP} as 'op'@'%'": "major", f"{APP} as 'developer'@'%'": "trivial"},
            [
                f"CREATE USER 'op'@'%' {WITH} ACCOUNT LOCK",
                "GRANT SHUTDOWN ON *.* TO 'op'@'%'",
                f"CREATE USER 'developer'@'%' {WITH}",
                f"GRANT PROXY ON 'op'@'%' TO {APP}",
                f"GRANT PROXY ON 'developer'@'%' TO {APP}",
            ],
            ["DROP USER 'op'@'%'", "DROP USER 'developer'@'%'"],
            proxying,
        ),
    )
]
ROLES = [
    State(
        **with_account(
            "mysql_role_login",
            "an_unlocked_role",
            [
                "CREATE ROLE 'bare', 'clad'",
                f"GRANT 'bare', 'clad' TO {APP}",
                "ALTER USER 'bare' ACCOUNT UNLOCK",
                f"ALTER USER 'clad' {WITH} ACCOUNT UNLOCK",
            ],
            ["DROP ROLE 'bare', 'clad'"],
            MYSQL,
        ),
        finds={"'bare'@'%'": "critical", "'clad'@'%'": "major"},
    ),
    State(
        check="mysql_role_login",
        name="an_unlocked_mandatory_role",
        on=MYSQL,
        make=[
            "CREATE ROLE 'our one', 'o''ther'@'10.%'",
            f"ALTER USER 'our one' {WITH} ACCOUNT UNLOCK",
            f"ALTER USER 'o''ther'@'10.%' {WITH} ACCOUNT UNLOCK",
            "SET GLOBAL mandatory_roles = '`our one`@`%`, `o\\'ther`@`10.%`'",
        ],
        undo=["SET GLOBAL mandatory_roles = ''", "DROP ROLE 'our one', 'o''ther'@'10.%'"],
        finds={"'our one'@'%'": "major", "'o''ther'@'10.%'": "major"},
    ),
    State(
        check="mysql_public_role_grants",
        name="a_mandatory_role_of_administrators",
        on=MYSQL,
        make=[
            "CREATE ROLE 'ours', 'inner_role'",
            "GRANT SUPER, PROCESS, SHOW DATABASES ON *.* TO 'ours'",
            "GRANT ROLE_ADMIN ON *.* TO 'inner_role'",
            "GRANT 'inner_role' TO 'ours'",
            "SET GLOBAL mandatory_roles = 'ours'",
        ],
        undo=["SET GLOBAL mandatory_roles = ''", "DROP ROLE 'ours', 'inner_role'"],
        finds={"'ours'@'%'": "major"},
    ),
    State(
        check="mysql_public_role_grants",
        name="a_mandatory_role_that_writes_the_accounts",
        on=MYSQL,
        make=[
            "CREATE ROLE 'ours'",
            "GRANT UPDATE (authentication_string) ON mysql.user TO 'ours'",
            "SET GLOBAL mandatory_roles = 'ours'",
        ],
        undo=["SET GLOBAL mandatory_roles = ''", "DROP ROLE 'ours'"],
        finds={"'ours'@'%' on `mysql`.`user`": "critical"},
    ),
    State(
        check="mysql_public_role_grants",
        name="public_that_writes_the_accounts",
        on=MARIADB,
        make=["GRANT UPDATE ON mysql.* TO PUBLIC", "GRANT INSERT ON mysql.proc TO PUBLIC"],
        undo=["REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC"],
        finds={"PUBLIC on `mysql`.*": "critical", "PUBLIC on `mysql`.`proc`": "critical"},
    ),
    State(
        check="mysql_public_role_grants",
        name="privileges_of_public",
        on=MARIADB,
        make=[
            "CREATE ROLE 'ours'",
            "GRANT SUPER ON *.* TO 'ours'",
            "GRANT 'ours' TO PUBLIC",
            "GRANT SELECT, PROCESS ON *.* TO PUBLIC",
            "CREATE DATABASE `shop_1`",
            "CREATE TABLE `shop_1`.`t` (id INT)",
            "GRANT SELECT ON `shop_1`.* TO PUBLIC WITH GRANT OPTION",
            "GRANT SELECT (id), INSERT ON `shop_1`.`t` TO PUBLIC",
        ],
        undo=[
            "DROP ROLE 'ours'",
            "DROP DATABASE `shop_1`",
            "REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC",
        ],
        finds={
            "PUBLIC": "major",
            "PUBLIC on `shop_1`.*": "trivial",
            "PUBLIC on `shop_1`.`t`": "trivial",
        },
    ),
]
STATES = [*SYSTEM_SCHEMA, *LEFT_BEHIND, *PROXIES, *ROLES]
