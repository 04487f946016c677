"""Adds commands with their help: examples first, and whether a command only reads (ro)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from cyclopts import App, Group
from cyclopts.help import DefaultFormatter, PanelSpec
from rich.box import Box

NO_BOX = Box("    \n" * 8)
HELP_FORMATTER = DefaultFormatter(
    panel_spec=PanelSpec(box=NO_BOX, border_style="bold", padding=(0, 0, 0, 1)), show_metavar=False
)

Access = Literal["ro", "rw"]

READ = Group("Inspect", sort_key=1)
CHANGE = Group("Change", sort_key=2)
SERVE = Group("Services", sort_key=3)
TOOL = Group("Administration", sort_key=4)


def add_command(
    app: App,
    function: Callable[..., Any],
    *,
    name: str,
    access: Access,
    summary: str,
    examples: tuple[str, ...],
    group: Group | None = None,
) -> None:
    """Add `function` as command `name` of `app`; its help opens with `examples`.

    `access` is `ro` if the command changes nothing outside itself, else `rw`. The function
    returns None or an exit code; it may be async.
    """
    lines = "\n".join(f"  {example}" for example in examples)
    app.command(
        function,
        name=name,
        help=f"{summary} ({access})",
        help_prologue=f"Examples:\n{lines}",
        group=group or (),
    )


def add_noun(app: App, name: str, summary: str, group: Group) -> App:
    """Add a command that only groups others, e.g. `findings`; returns it."""
    noun = App(name=name, help=summary, group=group)
    app.command(noun)
    return noun
