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
]
