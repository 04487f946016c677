"""`stt web token new`: creates a token for the page and the HTTP API, printed once."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from stt_coordinator.web.login.tokens import new_token
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.protocol.enums import Role


def add(app: App) -> None:
    """Add the commands to `app`."""
    noun = add_noun(app, "web", "Access to the page and the HTTP API", TOOL)
    tokens = App(name="token", help="Tokens of people and programs")
    noun.command(tokens)
    add_command(
        tokens,
        new,
        name="new",
        access="ro",
        summary="Print a new token, and the line for the file web.tokens that permits it",
        examples=(
            "stt web token new ann --role operator",
            "stt web token new prometheus --role viewer",
        ),
    )


def new(
    name: Annotated[str, Parameter(help="Name of the holder; recorded with each change.")],
    /,
    *,
    role: Annotated[Role, Parameter(help="Role of the holder.")] = Role.VIEWER,
) -> None:
    """Create a token; nothing is stored."""
    token, line = new_token(name, role)
    # Only the line goes to stdout: `>> tokens` must not write the token beside its hash.
    output.note(f"The token, which cannot be shown again: {token}")
    output.note("The line for the file web.tokens of the coordinator (chmod 600):", "hint")
    output.print_text(line)
