"""Which store a state folder keeps, and which folder of which machine it is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from stt_coordinator.store.sqlite.file.folder import FILE, LOCK
from stt_shared.errors import ConfigError
from stt_shared.sqlite.connection import file_as_it_is

BOOT = Path("/proc/sys/kernel/random/boot_id")
_IDENTITY = "SELECT store FROM store_identity"


def identity(connection: sqlite3.Connection) -> str:
    """The random id that the store got when it was made; raises sqlite3.Error."""
    ((found,),) = connection.execute(_IDENTITY)
    return str(found)


def identity_in(directory: Path) -> str:
    """The id of a store that another process uses; empty while that process is making it.

    Raises ConfigError if the file cannot be read.
    """
    path = directory / FILE
    try:
        with file_as_it_is(path) as connection:
            return identity(connection)
    except sqlite3.OperationalError:
        return ""
    except sqlite3.Error as error:
        raise ConfigError(f"cannot read the store {path} ({error})") from error


def fingerprint(directory: Path) -> str:
    """The lock of a state folder, as this machine knows it until it restarts; empty: unknown.

    Who holds the lock of a fingerprint knows that all its former holders have let it go.
    """
    try:
        boot = BOOT.read_text(encoding="ascii").strip()
        lock = (directory / LOCK).stat()
    except OSError:
        return ""
    return f"{boot}.{lock.st_dev}.{lock.st_ino}"
