"""SQL that lives in files: statements by name, and numbered migrations in order."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

_NAME = re.compile(r"^--\s*name:\s*([a-z][a-z0-9_]*)\s*$", re.MULTILINE)
_MIGRATION = re.compile(r"([0-9]{4})_[a-z0-9_]+\.sql")


def folder(package: str, name: str = "sql") -> Traversable:
    """The folder `name` of an importable package, installed or in a checkout."""
    return files(package) / name


def statements(file: Traversable) -> dict[str, str]:
    """The statements of a file, each below a line `-- name: its_name`.

    Raises ValueError for text before the first name and for a name that comes twice.
    """
    before, *parts = _NAME.split(file.read_text(encoding="utf-8"))
    if any(line.strip() and not line.startswith("--") for line in before.splitlines()):
        raise ValueError(f"{file.name} has SQL before the first name")
    names, bodies = parts[::2], parts[1::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{file.name} has a name twice")
    return {name: body.strip().rstrip(";") for name, body in zip(names, bodies, strict=True)}


def migrations(directory: Traversable) -> list[tuple[int, str]]:
    """Every `NNNN_what.sql` of a folder as (number, script); the numbers are 1, 2, 3 ...

    Raises ValueError if a number is missing or comes twice.
    """
    found = sorted(
        (int(match[1]), file.read_text(encoding="utf-8"))
        for file in directory.iterdir()
        if (match := _MIGRATION.fullmatch(file.name))
    )
    if [number for number, _ in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations of {directory} are not numbered 1, 2, 3")
    return found


def upgrade(found: list[tuple[int, str]], version: int) -> str:
    """One script with one transaction that takes a store of `version` to the last of migrations.

    Where it ends half way, by an error or with its process, the store is as it was. Empty if
    nothing is missing.
    """
    missing = found[version:]
    if not missing:
        return ""
    scripts = "\n".join(script for _, script in missing)
    return f"BEGIN IMMEDIATE;\n{scripts}\nPRAGMA user_version = {missing[-1][0]};\nCOMMIT;"
