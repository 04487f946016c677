"""SQLite's errors by what an operator can do about them."""

from __future__ import annotations

import sqlite3
from enum import Enum, auto

# The low byte of a result code is its kind; the rest tells variants apart.
_KIND = 0xFF


class Fault(Enum):
    """What went wrong with the file."""

    FULL = auto()
    READ_ONLY = auto()
    BUSY = auto()
    DISK = auto()
    OTHER = auto()


_FAULTS = {
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_IOERR: Fault.DISK,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_BUSY: Fault.BUSY,
    sqlite3.SQLITE_LOCKED: Fault.BUSY,
}


def fault_of(error: Exception) -> Fault:
    """The fault of a sqlite3.Error; OTHER for any other error."""
    code = getattr(error, "sqlite_errorcode", 0) & _KIND
    return _FAULTS.get(code, Fault.OTHER)
