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
    State(
        check="postgresql_server_program_roles",
        name="members_directly_and_through_a_group",
        on=BOTH,
        make=[
            "CREATE ROLE ops",
            "CREATE ROLE ann LOGIN NOINHERIT IN ROLE ops, pg_write_server_files",
            'CREATE ROLE "re ader" LOGIN IN ROLE pg_read_server_files',
            "GRANT pg_execute_server_program TO ops",
        ],
        undo=["DROP ROLE ann", 'DROP ROLE "re ader"', "DROP ROLE ops"],
        finds={"ann": "major", "re ader": "major"},
    ),
    State(
        check="postgresql_server_program_roles",
        name="set_to_a_group_that_only_inherits",
        on=["postgresql"],
        make=[
            "CREATE ROLE ops",
            "CREATE ROLE ann LOGIN",
            "GRANT ops TO ann WITH SET TRUE, INHERIT FALSE",
            "GRANT pg_execute_server_program TO ops WITH SET FALSE, INHERIT TRUE",
        ],
        undo=["DROP ROLE ann", "DROP ROLE ops"],
        finds={"ann": "major"},
    ),
    State(
        check="postgresql_server_program_roles",
        name="a_member_that_could_grant_it_to_itself",
        on=["postgresql"],
        make=[
            "CREATE ROLE ann LOGIN",
            "GRANT pg_read_server_files TO ann WITH SET FALSE, INHERIT FALSE, ADMIN TRUE",
        ],
        undo=["DROP ROLE ann"],
        finds={"ann": "major"},
    ),
    State(
        check="postgresql_data_roles",
        name="members_of_all_data",
        on=BOTH,
        make=[
            "CREATE ROLE ann LOGIN IN ROLE pg_read_all_data, pg_write_all_data",
            "CREATE ROLE loads IN ROLE pg_write_all_data",
            "CREATE ROLE etl LOGIN IN ROLE loads",
        ],
        undo=["DROP ROLE ann", "DROP ROLE etl", "DROP ROLE loads"],
        finds={"ann": "trivial", "etl": "trivial"},
    ),
    State(
        check="postgresql_password_complexity",
        name="nothing_checks_passwords",
        on=BOTH,
        make=[],
        undo=["ALTER SYSTEM RESET session_preload_libraries", "SELECT pg_reload_conf()"],
        finds={"passwordcheck": "trivial"},
    ),
    State(
        check="postgresql_auth_delay",
        name="a_log_in_may_last_for_minutes",
        on=BOTH,
        make=["ALTER SYSTEM SET authentication_timeout = '5min'", "SELECT pg_reload_conf()"],
        undo=["ALTER SYSTEM RESET authentication_timeout", "SELECT pg_reload_conf()"],
        finds={"authentication_timeout": "trivial"},
    ),
]
