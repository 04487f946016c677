"""Numbered migrations: the schema of a SQLite file and its way to the newest one."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from stt_shared.errors import ConfigError

_MIGRATION = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The tables of a kind of file; `what` and `owner` name it and its program in messages."""

    what: str
    owner: str
    scripts: tuple[str, ...]

    @property
    def version(self) -> int:
        """The number of the newest migration."""
        return len(self.scripts)

    def upgrade_script(self, version: int) -> str:
        """One script with one transaction from `version` to the newest; empty if there is none.

        Where it ends half way, by an error or with its process, the file is as it was.
        """
        missing = "\n".join(self.scripts[version:])
        if not missing:
            return ""
        # The number in the same transaction: a crash in between would apply a migration twice.
        return f"BEGIN IMMEDIATE;\n{missing}\nPRAGMA user_version = {self.version};\nCOMMIT;"

    def upgrade(self, connection: sqlite3.Connection, path: Path) -> None:
        """Apply every missing migration, all of them or none.

        Raises sqlite3.Error, and ConfigError if the file was made by a newer program.
        """
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        # Before anything is written: an older program would break what it does not know.
        if version > self.version:
            raise ConfigError(
                f"the {self.what} {path} has version {version}, "
                f"this program knows up to {self.version}",
                hint=f"it was made by a newer {self.owner}: use that one, or another folder",
            )
        connection.executescript(self.upgrade_script(version))


def schema(what: str, owner: str, folder: Traversable) -> Schema:
    """The schema made by every `NNNN_what.sql` of a folder, numbered 1, 2, 3 ...

    Raises ValueError if a number is missing or comes twice.
    """
    found = sorted(
        (int(match[1]), file.read_text(encoding="utf-8"))
        for file in folder.iterdir()
        if (match := _MIGRATION.fullmatch(file.name))
    )
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations of {folder} are not numbered 1, 2, 3")
    return Schema(what=what, owner=owner, scripts=tuple(script for _, script in found))
