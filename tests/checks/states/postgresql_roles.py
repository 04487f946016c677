"""Roles of PostgreSQL: what they may do, and how their passwords are kept."""

from __future__ import annotations

from tests.checks.scenario import State

BOTH = ("postgresql", "postgresql15")
RESET = ["ALTER SYSTEM RESET password_encryption", "SELECT pg_reload_conf()"]
STATES = [
    State(
        check="postgresql_password_encryption",
        name="md5_for_the_server",
        on=BOTH,
        make=["ALTER SYSTEM SET password_encryption = 'md5'", "SELECT pg_reload_conf()"],
        undo=RESET,
        finds={"password_encryption": "major"},
    ),
    State(
        check="postgresql_password_encryption",
        name="md5_for_a_role_a_database_both_and_all_roles",
        on=BOTH,
        make=[
            'CREATE ROLE "old app" LOGIN',
            "ALTER ROLE \"old app\" SET password_encryption = 'md5'",
            "ALTER ROLE \"old app\" IN DATABASE template1 SET password_encryption = 'md5'",
            "ALTER DATABASE template1 SET password_encryption = 'md5'",
            "ALTER ROLE ALL SET password_encryption = 'md5'",
        ],
        undo=['DROP ROLE "old app"', "ALTER ROLE ALL RESET password_encryption"],
        finds={
            'password_encryption for role "old app"': "major",
            'password_encryption for role "old app" in database "template1"': "major",
            'password_encryption in database "template1"': "major",
            "password_encryption for every role": "major",
        },
    ),
    State(
        check="postgresql_md5_hashes",
        name="a_password_as_md5",
        on=BOTH,
        make=[
            "SET password_encryption = 'md5'",
            "CREATE ROLE \"o'b\\r\" LOGIN PASSWORD 'Str0ng-enough'",
            "CREATE ROLE fine LOGIN",
        ],
        undo=['DROP ROLE "o\'b\\r"', "DROP ROLE fine"],
        finds={"o'b\\r": "major"},
    ),
    State(
        check="postgresql_createrole",
        name="a_log_in_that_makes_roles",
        on=["postgresql"],
        make=['CREATE ROLE "Role maker" LOGIN CREATEROLE', "CREATE ROLE unused CREATEROLE"],
        undo=['DROP ROLE "Role maker"', "DROP ROLE unused"],
        finds={"Role maker": "trivial"},
    ),
    State(
        check="postgresql_createrole",
        name="a_group_that_makes_roles",
        on=["postgresql15"],
        make=[
            "CREATE ROLE makers CREATEROLE",
            "CREATE ROLE middle",
            "CREATE ROLE ann LOGIN NOINHERIT",
            "GRANT makers TO middle",
            "GRANT middle TO ann",
        ],
        undo=["DROP ROLE makers", "DROP ROLE middle", "DROP ROLE ann"],
        finds={"makers": "major"},
    ),
    State(
        check="postgresql_bypassrls",
        name="roles_past_row_level_security",
        on=BOTH,
        make=['CREATE ROLE "by pass" LOGIN BYPASSRLS', "CREATE ROLE keeper BYPASSRLS"],
        undo=['DROP ROLE "by pass"', "DROP ROLE keeper"],
        finds={"by pass": "major", "keeper": "major"},
    ),
    State(
        check="postgresql_replication_role",
        name="roles_that_replicate_beside_other_work",
        on=BOTH,
        make=[
            "CREATE ROLE sales",
            "CREATE ROLE maker LOGIN REPLICATION CREATEDB",
            "CREATE ROLE member LOGIN REPLICATION IN ROLE sales",
            "CREATE ROLE keeper LOGIN REPLICATION",
            "CREATE SCHEMA kept AUTHORIZATION keeper",
        ],
        undo=[
            "DROP SCHEMA kept",
            "DROP ROLE maker",
            "DROP ROLE member",
            "DROP ROLE keeper",
            "DROP ROLE sales",
        ],
        finds={"maker": "major", "member": "major", "keeper": "major"},
    ),
]
