"""`stt grants`: prints the statements that create an account with the least privileges."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from stt_shared.checkfile.catalogue import builtin, unknown_names
from stt_shared.command import output
from stt_shared.command.adding import READ, add_command
from stt_shared.command.options import many
from stt_shared.errors import UsageError
from stt_shared.grants.statements import Account, Product, render, steps

Only = Annotated[tuple[str, ...], many("Only the privileges of these checks.")]
Host = Annotated[str, Parameter(help="MySQL and MariaDB: host pattern of the worker.")]
User = Annotated[str, Parameter(help="Name of the account.")]


def add(app: App) -> None:
    """Add `grants` to `app`."""
    add_command(
        app,
        grants,
        name="grants",
        access="ro",
        summary="Print the statements that create a monitoring account with the least privileges",
        examples=(
            "stt grants postgresql",
            "stt grants mysql --user stt --host 10.0.0.5",
            "stt grants mongodb --check mongodb_auth,mongodb_version",
        ),
        group=READ,
    )


def grants(
    product: Annotated[Product, Parameter(help="Product of the database.")],
    *,
    check: Only = (),
    user: User = "stt",
    host: Host = "%",
) -> None:
    """Print the account and its grants, each with the checks that need it.

    Raises UsageError for an unknown check.
    """
    known = builtin()
    if sentences := unknown_names(known, check):
        raise UsageError("; ".join(sentences), hint="see the checks: stt checks list")
    chosen = [known.find(name) for name in check] if check else [*known.checks.values()]
    needed = [one for one in chosen if one is not None]
    made = steps(product, needed, Account(user=user, host=host))
    output.print_text(render(product, made))
