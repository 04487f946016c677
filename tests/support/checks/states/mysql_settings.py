"""Settings of MySQL and MariaDB, and the test databases."""

from __future__ import annotations

from tests.support.checks.scenario import State

STATES = [
    State(
        check="mysql_local_infile",
        name="clients_may_be_asked_for_files",
        on=["mysql"],
        make=["SET GLOBAL local_infile = ON"],
        undo=["RESET PERSIST IF EXISTS local_infile", "SET GLOBAL local_infile = OFF"],
        finds={"local_infile": "trivial"},
    ),
    State(
        check="mysql_local_infile",
        name="mariadb_asks_by_default",
        on=["mariadb"],
        make=[],
        undo=["SET GLOBAL local_infile = ON"],
        finds={"local_infile": "trivial"},
    ),
    State(
        check="mysql_log_raw",
        name="passwords_are_logged",
        on=["mysql"],
        make=["SET GLOBAL log_raw = ON"],
        undo=["RESET PERSIST IF EXISTS log_raw", "SET GLOBAL log_raw = OFF"],
        finds={"log_raw": "major"},
    ),
    State(
        check="mysql_test_database",
        name="everybody_may_use_test",
        on=["mysql"],
        make=[
            "CREATE USER ''@'%' IDENTIFIED BY 'Str0ng-enough'",
            "GRANT ALL ON `test`.* TO ''@'%'",
            r"GRANT ALL ON `test\_%`.* TO ''@'%'",
            "GRANT ALL ON `tests`.* TO ''@'%'",
        ],
        undo=["DROP USER ''@'%'"],
        finds={"test to ''@'%'": "major", r"test\_% to ''@'%'": "major"},
    ),
    State(
        check="mysql_test_database",
        name="mariadb_installs_the_grants_to_public",
        on=["mariadb"],
        make=["GRANT ALL ON `test`.* TO PUBLIC", r"GRANT ALL ON `test\_%`.* TO PUBLIC"],
        undo=["REVOKE ALL PRIVILEGES, GRANT OPTION FROM PUBLIC"],
        finds={"test to PUBLIC": "major", r"test\_% to PUBLIC": "major"},
    ),
]
