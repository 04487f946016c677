"""The epoch of the coordinator that may write: kept in the store, compared by each transaction."""

from __future__ import annotations

from stt_coordinator.store.port import StoreDeposedError
from stt_coordinator.store.sql.statements import Connection
from stt_shared import sqlfile

_SQL = sqlfile.statements(sqlfile.folder("stt_coordinator.store") / "epoch.sql")


def read(connection: Connection) -> int:
    """The last epoch that has begun, 0 before the first; raises the error of the database."""
    return int(connection.execute(_SQL["read"], {}).fetchone()[0])


def require(connection: Connection, epoch: int) -> None:
    """Raise StoreDeposedError if a later epoch than `epoch` has begun; 0 is of no epoch."""
    found = read(connection)
    if epoch and found > epoch:
        raise StoreDeposedError(
            f"another coordinator writes this store since epoch {found}: this one had epoch {epoch}"
        )


def begin(connection: Connection, epoch: int) -> None:
    """Write that `epoch` has begun; raises StoreDeposedError if a later one has."""
    require(connection, epoch)
    connection.execute(_SQL["put"], {"epoch": epoch})
