"""Read SQL files: statements by name, and the fragments that they share."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable

_HEAD = re.compile(r"^--\s*(name|fragment):\s*([a-z][a-z0-9_]*)\s*$", re.MULTILINE)
_USE = re.compile(r"\{\{([a-z][a-z0-9_]*)\}\}")


def folder(package: str, name: str = "sql") -> Traversable:
    """The folder `name` of an importable package, installed or in a checkout."""
    return files(package) / name


def statements(file: Traversable) -> dict[str, str]:
    """The statements of a file, each below a line `-- name: its_name`, without comment lines.

    The text below a line `-- fragment: its_name` replaces `{{its_name}}` in later statements.
    Raises ValueError for SQL before the first name, for a duplicate name and for a fragment that is
    used before its definition.
    """
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("--") or _HEAD.match(line))
    before, *parts = _HEAD.split(text)
    if before.strip():
        raise ValueError(f"{file.name} has SQL before the first name")
    fragments: dict[str, str] = {}
    found: dict[str, str] = {}
    for kind, name, body in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        known = found if kind == "name" else fragments
        if name in known:
            raise ValueError(f"{file.name} has the {kind} {name!r} twice")
        filled = body.strip().rstrip(";")
        for used in set(_USE.findall(filled)):
            if used not in fragments:
                raise ValueError(f"{file.name} uses the fragment {used!r} before it is defined")
            filled = filled.replace("{{" + used + "}}", fragments[used])
        known[name] = filled
    return found
