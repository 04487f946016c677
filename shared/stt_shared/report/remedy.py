"""A remediation as paragraphs, in the one order in which every format and page shows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import msgspec

from stt_shared.protocol.enums import Restart
from stt_shared.protocol.messages import Fix

RESTARTS = {
    Restart.NONE: "not needed",
    Restart.RELOAD: "not needed: the server reloads its configuration, open sessions stay",
    Restart.RESTART: "needed: every session of the server ends",
}
LEFT_OUT = "The statements are too long to be shown here; the page and stt findings show have them."
MAX_PROSE_CHARACTERS = 1_000  # of each text of prose that stays; a worker of ours sends no more


class Remediable(Protocol):
    """A finding of a worker, of the store or of a report."""

    @property
    def remediation(self) -> str:
        """The text of the remediation."""
        ...

    @property
    def fix(self) -> Fix | None:
        """The remediation as data, if the check has it so."""
        ...


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One text of a part: before, fix, effect, restart, persistent or undo.

    Code is what the server or its file takes as it stands; prose is never code. `label` is empty
    for all but the first text of a part.
    """

    part: str
    label: str
    text: str
    is_code: bool = False


def paragraphs(finding: Remediable) -> list[Paragraph]:
    """The remediation: what to look at before, what to do, its effect, and how to undo it."""
    fix = finding.fix
    if fix is not None:
        parts = {
            "before": (fix.before, fix.query),
            "fix": (fix.action, _lines(fix.file, fix.lines), "\n".join(fix.statement)),
            "effect": (fix.effect, ""),
            "restart": (RESTARTS[fix.restart], ""),
            "persistent": (fix.persistent, ""),
            "undo": (fix.no_undo, _lines(fix.file, fix.undo_lines), "\n".join(fix.undo)),
        }
    else:
        # Statements of checks that are older than the effect, or of somebody else's.
        parts = {"fix": ("", finding.remediation)}
    return [one for part, texts in parts.items() for one in _paragraphs(part, texts)]


def _paragraphs(part: str, texts: tuple[str, ...]) -> Iterator[Paragraph]:
    """The texts of a part: the first one is prose, all others are code."""
    label = part.capitalize()
    for place, text in enumerate(texts):
        if text:
            yield Paragraph(part, label, text, is_code=place > 0)
            label = ""


def _lines(file: str, lines: str) -> str:
    """Lines of a file below its name as a comment, which each of these files takes."""
    return f"# {file}\n{lines.rstrip()}" if lines else ""


def plain(finding: Remediable) -> str:
    """The remediation as lines of text; empty if there is none."""
    lines: list[str] = []
    for one in paragraphs(finding):
        head = f"{one.label}: " if one.label else "  "
        # Not by splitlines: a name may hold what that takes for the end of a line.
        lines.append(f"{head}{one.text}".rstrip("\n"))
    return "\n".join(lines)


def at_most(fix: Fix | None, characters: int) -> Fix | None:
    """`fix` as it is, or without its statements if it is longer: half of one must not be run."""
    if fix is None or len(msgspec.json.encode(fix)) <= characters:
        return fix
    return without_statements(fix, LEFT_OUT)


def without_statements(fix: Fix, action: str) -> Fix:
    """The prose of `fix`, with `action` in place of all that could be executed."""
    return Fix(
        effect=fix.effect[:MAX_PROSE_CHARACTERS],
        before=fix.before[:MAX_PROSE_CHARACTERS],
        persistent=fix.persistent[:MAX_PROSE_CHARACTERS],
        restart=fix.restart,
        action=action,
        no_undo=fix.no_undo[:MAX_PROSE_CHARACTERS],
    )


def text_at_most(finding: Remediable, characters: int) -> str:
    """The text for readers without `fix`; LEFT_OUT if statements of ours would be cut."""
    is_cut = finding.fix is not None and len(finding.remediation) > characters
    return LEFT_OUT if is_cut else finding.remediation[:characters]
