"""Everything of a MongoDB server that may be set while it runs, flipped under the whole library."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stt_coordinator.local.servers import mongodb as embedded
from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_worker.databases.mongodb.wire import CommandError
from tests.servers.certificates import Certificates
from tests.servers.fixtures import serving
from tests.servers.mongo_commands import Command, run_commands

VERSIONS = ("4.2", "4.4", "5.0", "6.0")
READY_S = 60.0
FIXED = "not allowed to change"  # what the server says of parameters of its start alone
PRIMARY = {"_id": "rs", "settings": {"electionTimeoutMillis": 1_000}}
NUMBERS = (0, 2**31 - 1, 1, -1, 2**40)
# The server adds tickets one by one: two thousand million of them take it minutes.
TICKETS = ("ConcurrentReadTransactions", "ConcurrentWriteTransactions")
FEW = (1, 1_000)
WORDS = ("off", "preferTLS", "requireTLS", "sendX509", "2%", "matchBusiestNode", "x", "")
MOST_VALUES = 2  # that the server takes, of one setting
BAD_USERS: list[tuple[str, Command]] = [
    ("admin", {"createUser": "root", "pwd": "x", "roles": ["root"]}),
    ("admin", {"createRole": "ops", "privileges": [], "roles": ["restore"]}),
    ("shop", {"createUser": "app", "pwd": "x", "roles": [{"role": "root", "db": "admin"}]}),
    ("shop", {"createUser": "ops", "pwd": "x", "roles": [{"role": "ops", "db": "admin"}, "read"]}),
    ("shop", {"createUser": "sys", "pwd": "x", "roles": [{"role": "__system", "db": "admin"}]}),
    ("shop", {"createUser": "both", "pwd": "x", "roles": ["read", {"role": "read", "db": "crm"}]}),
    (
        "shop",
        {"createUser": "old", "pwd": "x", "roles": ["read"], "mechanisms": ["SCRAM-SHA-1"]},
    ),
    (
        "admin",
        {
            "createRole": "god",
            "roles": [],
            "privileges": [{"resource": {"anyResource": True}, "actions": ["anyAction"]}],
        },
    ),
]


@dataclass(frozen=True)
class Setting:
    """One thing to flip: commands that do it, each with one that undoes it."""

    name: str
    scope: str  # parameter, cluster parameter, default, feature
    flips: tuple[tuple[Command, Command], ...]
    why_not: str = ""


@contextmanager
def bad_server(folder: Path, version: str, certificates: Certificates) -> Iterator[Running]:
    """A primary on which most checks fail, whose administrator is root with password x."""
    name = f"mongodb-{version}"

    def start() -> Running:
        words = ["--tlsMode", "allowTLS", "--tlsCertificateKeyFile", str(certificates.both)]
        words += ["--tlsCAFile", str(certificates.ca), "--tlsAllowInvalidCertificates"]
        words += ["--tlsAllowInvalidHostnames", "--tlsDisabledProtocols", "none"]
        parameters = (
            "authenticationMechanisms=PLAIN,SCRAM-SHA-1,SCRAM-SHA-256",
            "scramSHA256IterationCount=5000",
            "scramIterationCount=5000",
            "quiet=true",
        )
        words += [word for one in parameters for word in ("--setParameter", one)]
        program = embedded.find(name)
        return embedded.start(folder / name, binary=program, replica_set="rs", extra=words)

    with serving(name, start) as server:
        try:
            member = {"_id": 0, "host": f"{server.host}:{server.port}"}
            run_commands(server, {"replSetInitiate": PRIMARY | {"members": [member]}})
            wait_for_primary(server)
            for database, command in BAD_USERS:
                run_commands(server, command, database=database)
            yield server
        finally:
            server.kill()  # in order a primary takes its time


def wait_for_primary(server: Running) -> None:
    """Until the member takes writes."""
    deadline = clock.monotonic() + READY_S
    while not run_commands(server, {"isMaster": 1})[0]["ismaster"]:
        assert clock.monotonic() < deadline, "no primary"
        time.sleep(0.05)


def settings(server: Running) -> list[Setting]:
    """All that may be set on `server` while it runs, by its own lists."""
    found = [*_parameters(server), *_cluster_parameters(server), *_defaults(server), *_features()]
    return sorted(found, key=lambda one: (one.scope, one.name))


def _parameters(server: Running) -> Iterator[Setting]:
    known = run_commands(server, {"getParameter": "*"})[0]
    with_all = attempt(server, {"getParameter": {"showDetails": True, "allParameters": True}})
    names = known.keys() | (with_all.keys() if isinstance(with_all, dict) else set())
    for name in sorted(names - {"ok", "operationTime", "$clusterTime"}):
        value = known.get(name)
        refusal = attempt(server, {"setParameter": 1, name: value})
        if isinstance(refusal, str) and FIXED in refusal:
            continue
        back = {"setParameter": 1, name: value}
        others = FEW if name.endswith(TICKETS) else _others(value)
        flips = tuple(({"setParameter": 1, name: one}, back) for one in others)
        why = refusal if isinstance(refusal, str) else ""
        yield Setting(name=name, scope="parameter", flips=flips, why_not=why)


def _others(value: Any) -> Iterator[Any]:
    """Other values than `value`, the more extreme ones first."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int | float):
        yield from (one for one in (*NUMBERS, value * 2, value / 2, value + 1) if one != value)
    elif isinstance(value, str):
        yield from (one for one in (*WORDS, 1) if one != value)
    elif isinstance(value, dict):
        yield from _documents(value)
    elif isinstance(value, list):
        yield [*value, "x.y"]
    else:
        yield from (True, ["127.0.0.1"], "x", 1)


def _documents(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key, one in value.items():
        if isinstance(one, bool | int | float | str | dict):
            yield from (value | {key: other} for other in _others(one))


def _cluster_parameters(server: Running) -> Iterator[Setting]:
    found = attempt(server, {"getClusterParameter": "*"})
    for one in found["clusterParameters"] if isinstance(found, dict) else []:
        name = one.pop("_id")
        one.pop("clusterParameterTime", None)
        back = {"setClusterParameter": {name: one}}
        flips = tuple(({"setClusterParameter": {name: other}}, back) for other in _documents(one))
        yield Setting(name=name, scope="cluster parameter", flips=flips)


def _defaults(server: Running) -> Iterator[Setting]:
    if isinstance(attempt(server, {"getDefaultRWConcern": 1}), str):
        return
    set_it = {"setDefaultRWConcern": 1, "writeConcern": {"w": 1}}
    for level in ("local", "available", "majority"):
        flip = set_it | {"defaultReadConcern": {"level": level}}
        back = set_it | {"defaultReadConcern": {}}
        yield Setting(name=f"defaultReadConcern {level}", scope="default", flips=((flip, back),))
    for concern in ({"w": 1, "j": True}, {"w": "majority", "wtimeout": 1}):
        flip = set_it | {"defaultWriteConcern": concern}
        back = set_it | {"defaultWriteConcern": {"w": 1}}
        yield Setting(name=f"defaultWriteConcern {concern}", scope="default", flips=((flip, back),))


def _features() -> Iterator[Setting]:
    """What is set per database or collection and is in no list."""
    for level in (1, 2):
        there: Command = {"profile": level, "slowms": 0, "sampleRate": 1.0}
        yield Setting(f"profile {level}", "feature", ((there, {"profile": 0}),))
    shape: Command = {"query": {"db": "x"}, "sort": {}, "projection": {}, "indexes": [{"_id": 1}]}
    for collection in ("system.users", "system.roles"):
        there = {"planCacheSetFilter": collection} | shape
        back = {"planCacheClearFilters": collection}
        yield Setting(f"planCacheSetFilter {collection}", "feature", ((there, back),))


def attempt(server: Running, command: Command) -> Command | str:
    """The reply, or why there is none."""
    try:
        return run_commands(server, command)[0]
    except (CommandError, EOFError, OSError) as error:
        return str(error)


def flipped(server: Running, setting: Setting) -> Iterator[str]:
    """Flip `setting` as often as the server lets us; nothing, or why it did not, each time."""
    taken = 0
    why = setting.why_not
    for there, back in setting.flips:
        done = attempt(server, there)
        if isinstance(done, str):
            why = done
            continue
        taken += 1
        yield ""
        mended(server, [back])
        if taken == MOST_VALUES:
            return
    if not taken:
        yield why or "it has no other value"


def mended(server: Running, undo: Iterable[Command]) -> None:
    """The server as it was: by these commands, or started again."""
    if any(isinstance(attempt(server, one), str) for one in undo):
        server.kill()
        server.start()
        wait_for_primary(server)
