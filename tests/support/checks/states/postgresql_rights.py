"""Roles of PostgreSQL that get further than their memberships show; each was missed once."""

from __future__ import annotations

from tests.support.checks.scenario import State

NEWEST = ("postgresql",)
OLD = ("postgresql15",)
BOTH = (*NEWEST, *OLD)
NOTHING = "INHERIT FALSE, SET FALSE"
STATES = [
    State(
        check="postgresql_server_program_roles",
        name="admin_alone_of_a_role_that_runs_programs",
        on=NEWEST,
        make=[
            "CREATE ROLE runner IN ROLE pg_execute_server_program",
            "CREATE ROLE adm_only LOGIN",
            f"GRANT runner TO adm_only WITH ADMIN TRUE, {NOTHING}",
        ],
        undo=["DROP ROLE adm_only", "DROP ROLE runner"],
        finds={"adm_only": "major"},
    ),
    State(
        check="postgresql_server_program_roles",
        name="admin_inherited_from_a_group_of_a_role_that_runs_programs",
        on=NEWEST,
        make=[
            "CREATE ROLE runner IN ROLE pg_execute_server_program",
            "CREATE ROLE admins",
            "CREATE ROLE ann LOGIN",
            f"GRANT runner TO admins WITH ADMIN TRUE, {NOTHING}",
            "GRANT admins TO ann WITH INHERIT TRUE, SET FALSE",
        ],
        undo=["DROP ROLE ann", "DROP ROLE admins", "DROP ROLE runner"],
        finds={"ann": "major"},
    ),
    State(
        check="postgresql_server_program_roles",
        name="a_role_that_a_maker_made_and_somebody_promoted",
        on=NEWEST,
        make=[
            "CREATE ROLE maker LOGIN CREATEROLE",
            "SET ROLE maker",
            "CREATE ROLE job",
            "RESET ROLE",
            "GRANT pg_execute_server_program TO job",
        ],
        undo=["DROP ROLE job", "DROP ROLE maker"],
        finds={"maker": "major"},
    ),
    State(
        check="postgresql_server_program_roles",
        name="createrole_sets_the_password_of_a_role_that_its_group_administers",
        on=NEWEST,
        make=[
            "CREATE ROLE runner IN ROLE pg_execute_server_program",
            "CREATE ROLE admins",
            "CREATE ROLE maker LOGIN CREATEROLE",
            f"GRANT runner TO admins WITH ADMIN TRUE, {NOTHING}",
            f"GRANT admins TO maker WITH {NOTHING}",
        ],
        undo=["DROP ROLE maker", "DROP ROLE admins", "DROP ROLE runner"],
        finds={"maker": "major"},
    ),
    State(
        check="postgresql_server_program_roles",
        name="admin_of_a_superuser_that_is_inherited",
        on=NEWEST,
        make=[
            "CREATE ROLE dba SUPERUSER",
            "CREATE ROLE ann LOGIN",
            f"GRANT pg_execute_server_program TO dba WITH ADMIN TRUE, {NOTHING}",
            "GRANT dba TO ann WITH INHERIT TRUE, SET FALSE",
        ],
        undo=["DROP ROLE ann", "DROP ROLE dba"],
        finds={"ann": "major"},
    ),
    State(
        check="postgresql_super_role",
        name="admin_alone_of_a_member_of_a_superuser",
        on=NEWEST,
        make=[
            "CREATE ROLE dba SUPERUSER",
            "CREATE ROLE step IN ROLE dba",
            "CREATE ROLE ann LOGIN",
            f"GRANT step TO ann WITH ADMIN TRUE, {NOTHING}",
        ],
        undo=["DROP ROLE ann", "DROP ROLE step", "DROP ROLE dba"],
        finds={"ann": "major"},
    ),
    State(
        check="postgresql_super_role",
        name="the_privileges_of_the_superuser_of_initdb_without_set",
        on=NEWEST,
        make=["CREATE ROLE ann LOGIN", "GRANT postgres TO ann WITH INHERIT TRUE, SET FALSE"],
        undo=["DROP ROLE ann"],
        finds={"ann": "major"},
    ),
    State(
        check="postgresql_super_role",
        name="createrole_gives_itself_a_member_of_a_superuser",
        on=OLD,
        make=[
            "CREATE ROLE dba SUPERUSER",
            "CREATE ROLE ann LOGIN IN ROLE dba",
            "CREATE ROLE makers CREATEROLE",
            "CREATE ROLE bob LOGIN CREATEROLE IN ROLE makers",
        ],
        undo=["DROP ROLE bob", "DROP ROLE makers", "DROP ROLE ann", "DROP ROLE dba"],
        finds={"ann": "major", "bob": "major"},
    ),
    State(
        check="postgresql_createrole",
        name="admin_alone_of_a_role_that_makes_roles",
        on=NEWEST,
        make=[
            "CREATE ROLE makers CREATEROLE",
            "CREATE ROLE ann LOGIN",
            f"GRANT makers TO ann WITH ADMIN TRUE, {NOTHING}",
        ],
        undo=["DROP ROLE ann", "DROP ROLE makers"],
        finds={"makers": "trivial"},
    ),
    State(
        check="postgresql_replication_role",
        name="members_make_slots_after_set_role",
        on=BOTH,
        make=["CREATE ROLE stream REPLICATION", "CREATE ROLE ann LOGIN IN ROLE stream"],
        undo=["DROP ROLE ann", "DROP ROLE stream"],
        finds={"stream": "trivial"},
    ),
    State(
        check="postgresql_replication_role",
        name="members_set_the_password_of_a_role_that_logs_in",
        on=NEWEST,
        make=["CREATE ROLE stream LOGIN REPLICATION", "CREATE ROLE ann LOGIN IN ROLE stream"],
        undo=["DROP ROLE ann", "DROP ROLE stream"],
        finds={"stream": "major"},
    ),
]
