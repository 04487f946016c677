"""The state folder: its file, that file's schema, and the lock that keeps it for one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from stt_shared import sqlfile
from stt_shared.errors import ConfigError
from stt_shared.sqlite.migrations import schema

FILE = "coordinator.db"
LOCK = "coordinator.lock"
SCHEMA = schema("store", "coordinator", sqlfile.folder("stt_coordinator.store") / "migrations")


class FolderInUseError(ConfigError):
    """Another process has locked the state folder."""


def locked(directory: Path) -> int:
    """The descriptor that keeps a folder for one process; raises ConfigError.

    It is a FolderInUseError if another process has it.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(
            f"cannot use the state folder {directory} ({(error.strerror or '').lower()})",
            hint="name another: --state-dir or STT_COORDINATOR_STATE_DIR",
        ) from error
    # A lock of the kernel: it ends with its process, after kill -9 as well.
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise FolderInUseError(
            f"another coordinator uses the state folder {directory}",
            hint="stop it, or give this one a folder of its own: --state-dir",
        ) from error
    return lock
