"""Colours, marks and names of severities, and texts made safe for terminals."""

from __future__ import annotations

import unicodedata

from rich.theme import Theme

from stt_shared.protocol.enums import Severity
from stt_shared.redaction import hide_addresses

MARKS = {Severity.CRITICAL: "◆", Severity.MAJOR: "▲", Severity.TRIVIAL: "●"}
THEME = Theme(
    {
        "critical": "bold red",
        "major": "bold yellow",
        "trivial": "blue",
        "ok": "green",
        "warn": "yellow",
        "fail": "bold red",
        "error": "bold red",
        "hint": "dim",
        "head": "bold",
        "name": "cyan",
    }
)
# Control, format (bidirectional overrides, zero width) and separator characters: a name from a
# database could otherwise move the cursor, hide itself, or forge lines of a report.
_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def clean(text: str, *, keep: str = "") -> str:
    """`text` with every character that could control a terminal escaped.

    User and password are removed from addresses.
    """
    text = hide_addresses(text)
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        c
        if c in keep or unicodedata.category(c) not in _UNSAFE
        else c.encode("unicode_escape").decode("ascii")
        for c in text
    )


def mark(severity: Severity) -> str:
    """The mark of a severity."""
    return MARKS[severity]
