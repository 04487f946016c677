"""Where the settings put the store: a state folder, or a PostgreSQL database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from stt_coordinator.store.port import Store, StoreError
from stt_coordinator.store.sqlite.file.folder import FolderInUseError
from stt_coordinator.store.sqlite.file.identity import fingerprint, identity_in
from stt_coordinator.store.sqlite.store import open_store
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.secret_references.reference import Secret, parse, resolve
from stt_shared.settings import CoordinatorSettings

IDENTITY_S = 10.0  # for another process to make or recover the file of the store
POLL_S = 0.1


class Place(Protocol):
    """Opens the store of the settings.

    ConfigError is for what only a person can correct, StoreError for a server that does not answer
    now.
    """

    async def identity(self) -> str:
        """The id of the store, which is made if there is none.

        A store that other processes may be using is not upgraded. Raises ConfigError and
        StoreError.
        """
        ...

    def fingerprint(self) -> str:
        """What tells that no other process of this machine uses the store; empty: nothing does."""
        ...

    def schema(self) -> int:
        """The number of the schema that this program needs; 0 for a store that nobody shares."""
        ...

    async def open(self, *, upgrades: bool = False) -> Store | None:
        """The store of `identity`; None while another process uses it.

        With `upgrades` a store that others share gets the schema of this program, which deposes
        whoever writes it; without, an older one is refused. Raises ConfigError and StoreError.
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """A file in the state folder, which one process locks."""

    folder: Path

    async def identity(self) -> str:
        """See the port."""
        until = clock.monotonic() + IDENTITY_S
        while True:
            try:
                store = await open_store(self.folder)
            except FolderInUseError:
                found = identity_in(self.folder)
                if found:
                    return found
                # Not refused at once: whoever has the folder makes the file now, or recovers it
                # after a kill, and nobody can read it meanwhile.
                if clock.monotonic() > until:
                    raise
                await asyncio.sleep(POLL_S)
            else:
                await store.close()
                return store.identity

    def fingerprint(self) -> str:
        """See the port."""
        return fingerprint(self.folder)

    def schema(self) -> int:
        """See the port: whoever has locked the folder upgrades the file."""
        return 0

    async def open(self, *, upgrades: bool = False) -> Store | None:
        """See the port: a file is upgraded by whoever has locked its folder."""
        del upgrades
        try:
            return await open_store(self.folder)
        except FolderInUseError:
            return None


@dataclass(frozen=True, slots=True)
class DatabasePlace:
    """A PostgreSQL database, which coordinators on several machines share."""

    url: str
    secret: Secret
    _was_read: Event = field(default_factory=Event, init=False, repr=False, compare=False)

    async def identity(self) -> str:
        """See the port."""
        # The driver of PostgreSQL only where it is used.
        from stt_coordinator.store.postgresql import store  # noqa: PLC0415

        return await store.identity_of(self.url, password=self._reader())

    def fingerprint(self) -> str:
        """See the port: other machines reach it as well, so that only the lease decides."""
        return ""

    def schema(self) -> int:
        """See the port."""
        from stt_coordinator.store.postgresql import schema  # noqa: PLC0415  # as above

        return schema.newest()

    async def open(self, *, upgrades: bool = False) -> Store:
        """See the port."""
        from stt_coordinator.store.postgresql import store  # noqa: PLC0415  # as above

        # An address that leads elsewhere by now must not get an empty store there.
        return await store.open_store(
            self.url, password=self._reader(), makes=False, upgrades=upgrades
        )

    def _reader(self) -> Callable[[], str] | None:
        """What reads the password for a session; None without a reference to one."""
        return self._password if self.secret.scheme or self.secret.rest else None

    def _password(self) -> str:
        # In the thread of a session, which has no event loop of its own.
        try:
            found = asyncio.run(resolve(self.secret))
        except ConfigError as error:
            if self._was_read.is_set():  # a file that is being replaced, a program that is slow
                raise StoreError(error.message, hint=error.hint) from error
            raise
        self._was_read.set()
        return found


def password_of(settings: CoordinatorSettings, places: Collection[str]) -> str:
    """The password for `coordinator.store` if it is among `places`, or an empty text.

    Raises ConfigError if it cannot be read. There must be no event loop in this thread.
    """
    if settings.store not in places:
        return ""
    return asyncio.run(resolve(parse(settings.store_password, Path.cwd())))


def place_of(settings: CoordinatorSettings, state: Path) -> Place:
    """The place that the settings name; raises ConfigError for a password that nothing uses."""
    if settings.store:
        return DatabasePlace(settings.store, parse(settings.store_password, Path.cwd()))
    if settings.store_password:
        raise ConfigError(
            "coordinator.store_password is set and coordinator.store is not",
            hint="set coordinator.store to postgresql://USER@HOST/DATABASE, or remove the password",
        )
    return FolderPlace(state)
