"""How accounts log in to MySQL and MariaDB, and over what."""

from __future__ import annotations

from tests.support.checks.scenario import State

BOTH = ("mariadb", "mysql")
PASSWORD = "IDENTIFIED BY 'Str0ng-enough'"


def back(name: str, value: str) -> list[str]:
    return [f"RESET PERSIST IF EXISTS {name}", f"SET GLOBAL {name} = {value}"]


MAKE_USER = [f"CREATE USER 'login'@'%' {PASSWORD}"]
DROP_USER = ["DROP USER 'login'@'%'"]
REPLICA = "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1 FOR CHANNEL 'eu'"
STATES = [
    State(
        check="mysql_weak_auth_plugin",
        name="sha256_password_on_mysql",
        on=["mysql"],
        make=["CREATE USER 'login'@'%' IDENTIFIED WITH sha256_password BY 'Str0ng-enough'"],
        undo=DROP_USER,
        finds={"'login'@'%'": "major"},
    ),
    State(
        check="mysql_weak_auth_plugin",
        name="native_password_on_mariadb",
        on=["mariadb"],
        make=MAKE_USER,
        undo=[*DROP_USER, "UNINSTALL PLUGIN IF EXISTS ed25519"],
        finds={"'login'@'%'": "trivial"},
    ),
    State(
        check="mysql_default_auth_plugin",
        name="new_accounts_get_sha256_password",
        on=["mysql"],
        make=["SET GLOBAL authentication_policy = 'sha256_password,,'"],
        undo=back("authentication_policy", "'*,,'"),
        finds={"authentication_policy": "trivial"},
    ),
    State(
        check="mysql_password_reuse",
        name="old_passwords_may_come_again",
        on=["mysql"],
        make=[],
        undo=back("password_history", "0"),
        finds={"password_history": "trivial"},
    ),
    State(
        check="mysql_password_require_current",
        name="the_old_password_is_not_asked_for",
        on=["mysql"],
        make=[],
        undo=back("password_require_current", "OFF"),
        finds={"password_require_current": "trivial"},
    ),
    State(
        check="mysql_password_lifetime",
        name="passwords_last_for_ever",
        on=["mysql"],
        make=[
            "CREATE USER 'login'@'%' IDENTIFIED BY 'Str0ng-enough' PASSWORD EXPIRE NEVER",
            (
                "CREATE USER 'decade'@'%' IDENTIFIED BY 'Str0ng-enough'"
                " PASSWORD EXPIRE INTERVAL 3650 DAY"
            ),
        ],
        undo=[*DROP_USER, "DROP USER 'decade'@'%'", *back("default_password_lifetime", "0")],
        finds={
            "default_password_lifetime": "trivial",
            "'login'@'%'": "trivial",
            "'decade'@'%'": "trivial",
        },
    ),
    State(
        check="mysql_password_lifetime",
        name="passwords_last_for_ever_on_mariadb",
        on=["mariadb"],
        make=["CREATE USER 'login'@'%' IDENTIFIED BY 'Str0ng-enough' PASSWORD EXPIRE NEVER"],
        undo=[*DROP_USER, "SET GLOBAL default_password_lifetime = 0"],
        finds={"default_password_lifetime": "trivial", "'login'@'%'": "trivial"},
    ),
    State(
        check="mysql_login_throttling",
        name="passwords_are_guessed_without_end",
        on=["mariadb"],
        make=[],
        undo=["SET GLOBAL max_password_errors = 4294967295"],
        finds={"max_password_errors": "trivial"},
    ),
    State(
        check="mysql_stale_dual_password",
        name="the_old_password_still_works",
        on=["mysql"],
        make=[
            *MAKE_USER,
            "ALTER USER 'login'@'%' IDENTIFIED BY 'An0ther-one' RETAIN CURRENT PASSWORD",
        ],
        undo=DROP_USER,
        finds={"'login'@'%'": "trivial"},
    ),
    State(
        check="mysql_user_tls_required",
        name="an_account_comes_in_clear",
        on=BOTH,
        make=MAKE_USER,
        undo=DROP_USER,
        finds={"'login'@'%'": "trivial"},
    ),
    State(
        check="mysql_cleartext_auth",
        name="a_user_of_pam_comes_in_clear",
        on=["mariadb"],
        make=["INSTALL SONAME 'auth_pam'", "CREATE USER 'login'@'%' IDENTIFIED VIA pam"],
        undo=[*DROP_USER, "UNINSTALL SONAME 'auth_pam'"],
        finds={"'login'@'%'": "major"},
    ),
    State(
        check="mysql_replication_tls",
        name="a_channel_in_clear_on_mysql",
        on=["mysql"],
        make=[REPLICA],
        undo=["STOP REPLICA FOR CHANNEL 'eu'", "RESET REPLICA ALL FOR CHANNEL 'eu'"],
        finds={"channel eu": "major"},
    ),
    State(
        check="mysql_replication_tls",
        name="a_channel_in_clear_on_mariadb",
        on=["mariadb"],
        make=["CHANGE MASTER 'eu' TO MASTER_HOST = '127.0.0.1', MASTER_PORT = 1"],
        undo=["STOP SLAVE 'eu'", "RESET SLAVE 'eu' ALL"],
        finds={"channel eu": "major"},
    ),
]
