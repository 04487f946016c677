"""Random roles and users of MongoDB, as commands of the administrator.

A state is a function of a number alone. Roles have few privileges, most of them about what leads
to root, and hold roles that were made before them, in admin also those of other databases.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

ROLES = ("ash", "birch", "cedar", "elm", "fir")
USERS = ("ann", "bob", "cid", "dan")
APPLICATIONS = ("shop", "crm")
ACTIONS = (
    *("find", "insert", "update", "remove", "dropCollection", "dropDatabase"),
    *("changePassword", "grantRole", "createUser", "createRole", "revokeRole", "viewUser"),
    *("anyAction", "collStats", "setAuthenticationRestriction", "convertToCapped"),
)
OF_CLUSTER = (
    *("setParameter", "replSetConfigure", "replSetStateChange", "internal", "anyAction"),
    *("serverStatus", "listDatabases", "inprog", "setFeatureCompatibilityVersion"),
)
OF_ADMIN = (
    *("root", "userAdminAnyDatabase", "readWriteAnyDatabase", "dbAdminAnyDatabase", "restore"),
    *("backup", "clusterAdmin", "clusterManager", "clusterMonitor", "hostManager"),
    *("readAnyDatabase", "userAdmin", "dbOwner", "readWrite", "__system", "enableSharding"),
)
OF_DATABASE = ("read", "readWrite", "dbAdmin", "dbOwner", "userAdmin")
MOST_PRIVILEGES = 2
Command = tuple[str, dict[str, Any]]  # the database, and what is sent there


@dataclass(frozen=True)
class State:
    """Commands in order; one that the server refuses is left out."""

    steps: tuple[Command, ...]

    def __str__(self) -> str:
        return "\n".join(f"{database}: {command}" for database, command in self.steps)

    def without(self, place: int) -> State:
        """The state that lacks the step of that place."""
        return State(self.steps[:place] + self.steps[place + 1 :])


def state(number: int) -> State:
    """The state of that number."""
    source = random.Random(number)  # noqa: S311  # a test's data
    steps: list[Command] = []
    known: list[tuple[str, str]] = []
    for name in ROLES[: source.randint(1, len(ROLES))]:
        database = source.choice(["admin", "admin", "admin", *APPLICATIONS])
        made = _role(source, name, database, known)
        steps.append(("admin" if "insert" in made else database, made))
        known.append((name, database))
    for name in USERS[: source.randint(2, len(USERS))]:
        database = source.choice(["admin", *APPLICATIONS, "$external"])
        steps.append((database, _user(source, name, database, known)))
    return State(tuple(steps))


def _role(
    source: random.Random, name: str, database: str, known: list[tuple[str, str]]
) -> dict[str, Any]:
    privileges = [_privilege(source, database) for _ in range(source.randint(0, MOST_PRIVILEGES))]
    roles = [one for one in known if (database in ("admin", one[1])) and source.random() < 0.4]
    if source.random() < 0.15:
        roles.append(_built_in(source, database))
    # By hand a role of an application's database can have one of admin, which createRole refuses.
    if database != "admin" and source.random() < 0.1:
        document = {
            "_id": f"{database}.{name}",
            "role": name,
            "db": database,
            "privileges": [],
            "roles": [{"role": source.choice(OF_ADMIN), "db": "admin"}],
        }
        return {"insert": "system.roles", "documents": [document]}
    return {"createRole": name, "privileges": privileges, "roles": list(map(_named, roles))}


def _privilege(source: random.Random, database: str) -> dict[str, Any]:
    few = source.randint(1, 2)
    if database != "admin":
        resource: dict[str, Any] = {"db": database, "collection": source.choice(["", "orders"])}
        return {"resource": resource, "actions": source.sample(ACTIONS, few)}
    kind = source.random()
    if kind < 0.15:
        return {"resource": {"cluster": True}, "actions": source.sample(OF_CLUSTER, few)}
    if kind < 0.2:
        return {"resource": {"anyResource": True}, "actions": source.sample(ACTIONS, few)}
    places = ["", "", "admin", "admin", "config", "local", *APPLICATIONS]
    names = ["", "", "", "system.users", "system.roles", "shards", "oplog.rs", "orders"]
    resource = {"db": source.choice(places), "collection": source.choice(names)}
    return {"resource": resource, "actions": source.sample(ACTIONS, few)}


def _user(
    source: random.Random, name: str, database: str, known: list[tuple[str, str]]
) -> dict[str, Any]:
    roles = source.sample(known, source.randint(0, min(2, len(known))))
    if source.random() < 0.3:
        roles.append(_built_in(source, "admin"))
    more: dict[str, Any] = {"pwd": "x"}
    if database == "$external":
        more = {}
    elif source.random() < 0.3:
        more["mechanisms"] = [source.choice(["SCRAM-SHA-1", "SCRAM-SHA-256"])]
    return {"createUser": name, "roles": list(map(_named, roles)), **more}


def _built_in(source: random.Random, database: str) -> tuple[str, str]:
    if database == "admin" and source.random() < 0.6:
        return source.choice(OF_ADMIN), "admin"
    places = [*APPLICATIONS, "config", "local"] if database == "admin" else [database]
    return source.choice(OF_DATABASE), source.choice(places)


def _named(role: tuple[str, str]) -> dict[str, str]:
    return {"role": role[0], "db": role[1]}
