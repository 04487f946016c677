"""The commands that need neither half installed; a command line imports its own alone."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from cyclopts import App

# The commands of each module: importing all of them takes longer than most commands do.
COMMANDS: dict[str, tuple[str, ...]] = {
    "status": ("status", "enable", "disable"),
    "runs": ("run", "runs list", "runs show"),
    "findings.commands": (
        "findings diff",
        "findings list",
        "findings show",
        "findings trend",
        "findings watch",
    ),
    "suppressions.accept": ("accept", "unaccept", "severity set", "severity reset"),
    "suppressions.exceptions": ("exceptions export", "exceptions import", "exceptions list"),
    "audit": ("audit",),
    "events": ("events replay",),
    "inventory": (
        "checks disable",
        "checks enable",
        "checks list",
        "checks show",
        "targets forget",
        "targets list",
        "targets move",
        "workers forget",
        "workers list",
    ),
    "authoring": (),  # its `checks new` joins those of the inventory
    "grants": ("grants",),
    "pack.commands": (
        "pack build",
        "pack keygen",
        "pack serial",
        "pack show",
        "pack sign",
        "pack verify",
    ),
    "releases": ("releases check", "releases refresh"),
    "reports.commands": ("report", "gate"),
    "doctor": ("doctor",),
    "nats_accounts": ("nats check", "nats config"),
    "config": ("config check", "config show"),
    "schema": ("schema",),
    "version": ("version",),
}
_PACKAGE = "stt_cli.commands"


def home_of(tokens: Sequence[str]) -> str:
    """The module with the command that `tokens` begin with; empty if it is not one of these.

    Also empty for a group of commands, whose help has those that the halves add.
    """
    words = (" ".join(tokens[:2]), tokens[0]) if tokens else ()
    homes = (home for word in words for home, names in COMMANDS.items() if word in names)
    return next(homes, "")


def add_builtin(app: App, home: str = "") -> None:
    """Add the commands of the module `home` to `app`, or all of the client."""
    for name in [home] if home else COMMANDS:
        import_module(f"{_PACKAGE}.{name}").add(app)
