"""The condition of a PostgreSQL store: version, size, and whether what it confirmed can be lost."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import psycopg

from stt_coordinator.store.postgresql.address import Address
from stt_shared import sqlfile
from stt_shared.protocol.coordinators import StoreHealth

_FILE = sqlfile.folder("stt_coordinator.store", "postgresql") / "health.sql"
SQL = {name: text.encode() for name, text in sqlfile.statements(_FILE).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Durability:
    """What the server says about its commits and the servers that follow it."""

    synchronous_commit: str
    fsync: str
    synchronous_names: str
    standbys: int
    synchronous: int
    receivers: int  # programs such as pg_receivewal that a commit waits for
    hidden: int  # standbys of which this role may see no more than that they are there
    hosts: int  # that the address names

    def risk(self) -> str:
        """How a confirmed result can be lost, as a sentence; empty: no way is known."""
        if self.synchronous_commit == "off" or self.fsync == "off":
            setting = "fsync" if self.fsync == "off" else "synchronous_commit"
            return f"the store can lose confirmed results if its server crashes: {setting} is off"
        waits = bool(self.synchronous_names) and self.synchronous_commit != "local"
        if self.receivers and not self.synchronous:
            waits = False
        if waits or (self.standbys == 0 and self.hosts == 1):
            return ""
        return (
            "the store can lose confirmed results if another server takes over: no commit waits"
            " for a standby (synchronous_standby_names)"
        )


def read(connection: psycopg.Connection, address: Address, found: StoreHealth) -> StoreHealth:
    """`found` with what the server says; raises psycopg.Error."""
    size, version = connection.execute(SQL["size"], (address.schema,)).fetchone() or (0, None)
    one = _durability(connection, address)
    # PostgreSQL checks its own pages; that its tables answer is all that is known here.
    return msgspec.structs.replace(
        found,
        sound=True,
        server=version_of(connection),
        version=version,
        size_bytes=size,
        synchronous_commit=one.synchronous_commit,
        standbys=one.standbys,
        synchronous_standbys=None if one.hidden else one.synchronous,
        risk=one.risk(),
    )


def version_of(connection: psycopg.Connection) -> str:
    """The version of the server, such as 18.6."""
    major, minor = divmod(connection.info.server_version, 10_000)
    return f"{major}.{minor}"


def _durability(connection: psycopg.Connection, address: Address) -> Durability:
    row = connection.execute(SQL["durability"]).fetchone()
    commit, fsync, names, *counts = row or ("", "", "", 0, 0, 0, 0)
    standbys, synchronous, receivers, hidden = counts
    return Durability(
        synchronous_commit=commit,
        fsync=fsync,
        synchronous_names=names,
        standbys=standbys,
        synchronous=synchronous,
        receivers=receivers,
        hidden=hidden,
        hosts=len(address.hosts),
    )
