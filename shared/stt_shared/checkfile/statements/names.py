"""Read the lists of allowed functions and fields from data files."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def listed(name: str) -> frozenset[str]:
    """The words in the file `name` of this package, without comment lines."""
    text = (resources.files("stt_shared.checkfile.statements") / name).read_text(encoding="ascii")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(word for line in lines for word in line.split())
