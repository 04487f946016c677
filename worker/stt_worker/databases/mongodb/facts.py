"""The facts of a MongoDB server, from `hello` and `buildInfo`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stt_shared.protocol.messages import Facts
from stt_worker.databases.products import UNKNOWN

_NUMBERS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})*")
_PARTS = 3  # major, minor, patch; the fourth part of versionArray counts release candidates
# Hosted services, recognised by host names: the target's, and those of the replica set.
_BY_NAME = (
    ("documentdb", "aws", re.compile(r"\.docdb(-elastic)?\.amazonaws\.com(\.cn)?(:\d+)?$")),
    ("cosmosdb", "azure", re.compile(r"\.(mongo)?cosmos\.azure\.com(:\d+)?$")),
    ("firestore", "google", re.compile(r"\.firestore\.goog(:\d+)?$")),
)
# Every mongod and mongos has one of these in buildInfo, beside `versionArray`.
_BUILD = frozenset({"gitVersion", "psmdbVersion", "storageEngines"})
_ATLAS = re.compile(r"\.mongodb(gov)?\.net(:\d+)?$")


def facts(hello: Mapping[str, Any], build: Mapping[str, Any], host: str) -> Facts:
    """The facts; `build` is empty if the server does not return it, `host` is the target's."""
    # The members' names too: through a tunnel the target's own host tells nothing.
    names = [host, str(hello.get("me") or ""), *map(str, _list(hello.get("hosts")))]
    flavour, provider = identity(build, names)
    return Facts(
        flavour=flavour,
        version=version(build),
        version_text=str(build.get("psmdbVersion") or build.get("version") or ""),
        provider=provider,
        role=role(hello),
        build=UNKNOWN if flavour == "mongodb" and _is_unknown(build) else "",
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []  # pyright: ignore[reportUnknownVariableType]


def _fields(value: Any) -> list[Any]:
    return list(value) if isinstance(value, dict) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def identity(build: Mapping[str, Any], names: list[str]) -> tuple[str, str]:
    """Flavour and provider; emulators report a MongoDB version that is not their own."""
    if any(str(key).lower().startswith("ferretdb") for key in build):
        return "ferretdb", "self-managed"
    if any("documentdb" in str(key).lower() for key in (*build, *_fields(build.get("internal")))):
        return "documentdb", "self-managed"  # the one on PostgreSQL
    if "_t" in build:  # a trace of Cosmos DB's serialiser
        return "cosmosdb", "azure"
    for flavour, provider, pattern in _BY_NAME:
        if any(pattern.search(name) for name in names):
            return flavour, provider
    flavour = "percona" if build.get("psmdbVersion") else "mongodb"
    atlas = any(_ATLAS.search(name) for name in names)
    return flavour, "atlas" if atlas else "self-managed"


def _is_unknown(build: Mapping[str, Any]) -> bool:
    # Before the log-in a server may return its version alone: nothing is known of it then.
    return "versionArray" in build and not _BUILD & build.keys()


def version(build: Mapping[str, Any]) -> tuple[int, ...]:
    """(major, minor, patch); some servers return only the text before the log-in."""
    numbers = _list(build.get("versionArray"))
    if len(numbers) >= _PARTS and all(isinstance(part, int) for part in numbers):
        return tuple(int(part) for part in numbers[:_PARTS])
    found = _NUMBERS.match(str(build.get("version") or ""))
    return tuple(int(part) for part in found[0].split(".")[:_PARTS]) if found else ()


def role(hello: Mapping[str, Any]) -> str:
    """standalone, primary, secondary, arbiter, mongos, or other (starting, rolling back, new)."""
    if hello.get("msg") == "isdbgrid":
        return "mongos"
    if not (hello.get("setName") or hello.get("isreplicaset")):
        return "standalone"
    if hello.get("arbiterOnly"):
        return "arbiter"
    if hello.get("isWritablePrimary") or hello.get("ismaster"):
        return "primary"
    return "secondary" if hello.get("secondary") else "other"
