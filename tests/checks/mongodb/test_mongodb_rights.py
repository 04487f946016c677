"""What checks say that users may do, and what the server lets them do, in random states."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from stt_shared.telemetry import logs
from tests.support.checks.mongodb_rights.rounds import Comparison, compare, comparing
from tests.support.checks.mongodb_rights.states import Command, State
from tests.support.checks.mongods import key_file, mongod

MORE = int(os.environ.get("STT_TEST_STATES") or 0)  # `make check-truth`
STATES = MORE or 3  # of each version


@pytest.fixture(scope="module", params=["mongodb-4.4", "mongodb-6.0"])
def comparison(request: pytest.FixtureRequest, servers_folder: Path) -> Iterator[Comparison]:
    """One server of each version for all states; each state clears users and roles first."""
    if MORE:
        logs.configure("info", "json")  # without that every check writes a line
    key = key_file(servers_folder / f"key-{request.param}")
    folder = servers_folder / f"rights-{request.param}"
    words = ["--keyFile", str(key)]
    with mongod(folder, request.param, words=words) as server, comparing(server) as one:
        yield one


def test_checks_and_server_agree_what_each_user_of_a_random_state_may_do(
    comparison: Comparison,
) -> None:
    states, users = comparison.compared, comparison.users
    compare(comparison, STATES)
    states, users = comparison.compared - states, comparison.users - users
    print(f"{comparison.server.binary}: {states} states, {users} users, 0 disagreements")


ROOT = {"role": "root", "db": "admin"}


def user(name: str, *roles: str, **more: object) -> dict[str, object]:
    """A user with roles of the form `name@database`."""
    listed = [dict(zip(("role", "db"), one.split("@"), strict=True)) for one in roles]
    return {"createUser": name, "pwd": "x", "roles": listed, **more}


def role(name: str, database: str, collection: str, *actions: str) -> dict[str, object]:
    privilege = {"resource": {"db": database, "collection": collection}, "actions": list(actions)}
    return {"createRole": name, "roles": [], "privileges": [privilege]}


# What ann@shop, or the user named, gets to. Each was a disagreement, or kills an omission that
# random states do not reach.
NAMED: dict[str, tuple[list[Command], set[str]]] = {
    "monitoring_has_use_uuid": ([("shop", user("ann", "clusterMonitor@admin"))], set()),
    "administration_of_data_has_apply_ops": (
        [("shop", user("ann", "dbAdminAnyDatabase@admin"))],
        {"changes_all_data"},
    ),
    "any_action_on_one_database": (
        [("shop", role("all", "shop", "", "anyAction")), ("shop", user("ann", "all@shop"))],
        set(),
    ),
    "any_action_where_an_administrator_has_a_password": (
        [
            ("shop", role("all", "shop", "", "anyAction")),
            ("shop", user("ann", "all@shop")),
            ("shop", user("boss", "root@admin")),
        ],
        {"root"},
    ),
    "a_password_of_one_who_changes_that_of_an_administrator": (
        [
            ("admin", role("first", "crm", "", "changePassword")),
            ("admin", role("second", "admin", "", "changePassword")),
            ("shop", user("ann", "first@admin")),
            ("crm", user("bob", "second@admin")),
            ("admin", user("boss", "root@admin")),
        ],
        {"root"},
    ),
    "an_administrator_of_certificates_has_no_password": (
        [
            ("admin", role("outside", "$external", "", "changePassword")),
            ("shop", user("ann", "outside@admin")),
            ("$external", {"createUser": "CN=boss", "roles": [ROOT]}),
        ],
        set(),
    ),
    "users_in_a_collection_of_all_databases": (
        [
            ("admin", role("wide", "", "system.users", "update")),
            ("shop", user("ann", "wide@admin")),
        ],
        {"root"},
    ),
    "the_database_admin_without_its_system_collections": (
        [
            ("admin", role("wide", "admin", "", "insert", "update", "remove")),
            ("shop", user("ann", "wide@admin")),
        ],
        set(),
    ),
    "everything_but_local_and_config": (
        [("admin", role("wide", "", "", "find")), ("shop", user("ann", "wide@admin"))],
        {"reads_all_data"},
    ),
    "roles_of_config_are_granted": (
        [("shop", user("ann", "userAdmin@config"))],
        {"runs_the_cluster"},
    ),
    "a_role_written_by_hand_has_root": (
        [
            (
                "admin",
                {
                    "insert": "system.roles",
                    "documents": [
                        {
                            "_id": "shop.hand",
                            "role": "hand",
                            "db": "shop",
                            "privileges": [],
                            "roles": [ROOT],
                        }
                    ],
                },
            ),
            ("shop", user("ann", "hand@shop")),
        ],
        {"root"},
    ),
}


def test_named_states_give_what_they_say_and_the_checks_agree(comparison: Comparison) -> None:
    for name, (steps, gained) in NAMED.items():
        assert comparison.disagreements(State(tuple(steps))) == [], name
        assert comparison.claimed().get("ann", set()) == gained, name


# One privilege of a role of admin, and what it gives alone. Two states: the others would get to
# root by new passwords for those who have it.
Privilege = tuple[str, str, str]  # database, collection and action
TO_ROOT: list[Privilege] = [
    ("admin", "", "grantRole"),
    ("", "", "grantRole"),
    ("admin", "", "anyAction"),
    ("", "", "anyAction"),
    ("admin", "system.users", "insert"),
    ("admin", "system.users", "update"),
    ("", "system.users", "anyAction"),
    ("admin", "system.roles", "update"),
]
TO_LESS: dict[Privilege, set[str]] = {
    **{
        ("", "", action): {"changes_all_data"}
        for action in ("insert", "update", "remove", "dropCollection", "convertToCapped")
    },
    ("", "", "dropDatabase"): {"changes_all_data"},
    ("", "", "find"): {"reads_all_data"},
    **{
        (database, collection, action): {"runs_the_cluster"}
        for database, collection in (("config", "shards"), ("local", "oplog.rs"))
        for action in ("insert", "update", "remove")
    },
    ("config", "", "grantRole"): {"runs_the_cluster"},
    ("local", "", "grantRole"): {"runs_the_cluster"},
    ("admin", "", "createUser"): set(),
    ("admin", "", "createRole"): set(),
    ("admin", "", "revokeRole"): set(),
    ("admin", "", "insert"): set(),
    ("admin", "system.users", "find"): set(),
    ("admin", "system.users", "remove"): set(),
    ("admin", "system.roles", "insert"): set(),
    ("", "orders", "anyAction"): set(),
}
AT_ONCE = 10  # users of a state: each tries to become each other one
OF_THE_CLUSTER = (
    *("internal", "setParameter", "replSetConfigure", "replSetStateChange"),
    "setFeatureCompatibilityVersion",
)


def each(privileges: Iterable[dict[str, object]]) -> State:
    """A role and a user of shop for each privilege."""
    steps: list[Command] = []
    for number, one in enumerate(privileges):
        made = {"createRole": f"r{number}", "roles": [], "privileges": [one]}
        steps += [("admin", made), ("shop", user(f"u{number}", f"r{number}@admin"))]
    return State(tuple(steps))


def on(privilege: Privilege) -> dict[str, object]:
    database, collection, action = privilege
    return {"resource": {"db": database, "collection": collection}, "actions": [action]}


def test_each_privilege_alone_gives_what_the_checks_say(comparison: Comparison) -> None:
    cluster: list[dict[str, object]] = [
        {"resource": {"cluster": True}, "actions": [one]} for one in OF_THE_CLUSTER
    ]
    gains = [*TO_LESS.values(), *[{"runs_the_cluster"}] * len(cluster)]
    less = list(zip([*map(on, TO_LESS), *cluster], gains, strict=True))
    groups = [[(on(one), {"root"}) for one in TO_ROOT]]
    groups += [less[first : first + AT_ONCE] for first in range(0, len(less), AT_ONCE)]
    for group in groups:
        assert comparison.disagreements(each(one for one, _ in group)) == []
        expected = {f"u{number}": gained for number, (_, gained) in enumerate(group) if gained}
        assert comparison.claimed() == expected
