"""Sessions with the settings of the store, also through a pooler that gives each its own server's.

A pooler in transaction mode would lose these settings, and the locks that a session holds. Each
session has a random mark, so that it finds out whether it is still the one that was set up.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import psycopg

from stt_coordinator.store.postgresql.address import Address
from stt_coordinator.store.postgresql.sessions import Session
from stt_shared import sqlfile
from stt_shared.errors import ConfigError

Password = Callable[[], str]  # read anew for each session; raises ConfigError
MARK = "stt.session"  # the setting with the mark
MARK_BYTES = 8
# What PgBouncer says of the settings that are sent with the log-in.
REFUSED = "unsupported startup parameter"
_FILE = sqlfile.folder("stt_coordinator.store", "postgresql") / "connecting.sql"
SQL = {name: text.encode() for name, text in sqlfile.statements(_FILE).items()}


class StoreSession(Session):
    """A session that knows which settings it needs; made by `connector`."""

    address: Address
    is_pooled = False  # whether its settings did not arrive with the log-in, and are set afterwards
    is_set_up = False

    def ready(self) -> None:
        """Set it up once, and compare its mark; raises psycopg.Error and ConfigError.

        In a transaction, which is busy: a server that is silent meanwhile is noticed.
        """
        if not self.is_set_up:
            self.is_pooled = self._mark() != self.mark
            if self.is_pooled:
                for name, value in {**self.address.settings, MARK: self.mark}.items():
                    self.execute(SQL["put"], (name, value), prepare=False)
            # Kept by the session, whatever becomes of the transaction that is next.
            self.commit()
            self.is_set_up = True
        if self.is_pooled:
            require_mark(self, self._mark())

    def _mark(self) -> str:
        # Not prepared: by a pooler that is refused here, another session might have prepared it.
        row = self.execute(SQL["mark"], (MARK,), prepare=False).fetchone()
        return str(row[0]) if row else ""


def connector(address: Address, password: Password | None) -> Callable[[], StoreSession]:
    """What makes a session of the store; it raises psycopg.Error and ConfigError."""

    def connect() -> StoreSession:
        parameters = dict(address.parameters)
        if password is not None:
            parameters["password"] = password()
        mark = secrets.token_hex(MARK_BYTES)
        session = _connected(parameters, f"{address.parameters['options']} -c {MARK}={mark}")
        session.address, session.mark = address, mark
        return session

    return connect


def _connected(parameters: dict[str, str | int], options: str) -> StoreSession:
    try:
        return StoreSession.connect("", **{**parameters, "options": options})  # type: ignore[arg-type]  # libpq's own names
    except psycopg.OperationalError as error:
        if REFUSED not in str(error):
            raise
    return StoreSession.connect("", **{**parameters, "options": ""})  # type: ignore[arg-type]  # as above


def require_mark(session: Session, found: str) -> None:
    """Raise ConfigError if `found` is the mark of another session than this one.

    A pooler has handed this transaction to a session of the server that another one set up.
    """
    if found != session.mark:
        raise ConfigError(
            f"{session.info.host}:{session.info.port} is a pooler by which sessions share those of"
            " the server",
            hint="connect to PostgreSQL itself, or let the pooler give each session its own"
            " (PgBouncer: pool_mode = session)",
        )
