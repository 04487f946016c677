"""`stt config`: checks the settings and shows where each value comes from."""

from __future__ import annotations

from typing import Annotated, cast

import msgspec
from cyclopts import App, Parameter

from stt_shared import settings
from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command, add_noun
from stt_shared.command.options import Connection, Output, load_settings
from stt_shared.command.output import OutputFormat
from stt_shared.command.tables import load_whole_file
from stt_shared.redaction import HIDDEN, hide_value
from stt_shared.report.grid import Cell, Column, Grid

COLUMNS = (Column("SETTING"), Column("VALUE", shorten=True))
ORIGIN = Column("FROM", shorten=True)


def add(app: App) -> None:
    """Add `config` and its commands to `app`."""
    config = add_noun(app, "config", "Settings: flag, environment, file, default", TOOL)
    add_command(
        config,
        check,
        name="check",
        access="ro",
        summary="Check every setting and target of a file and report all faults at once",
        examples=("stt config check", "stt config check --config /etc/stt/config.toml"),
    )
    add_command(
        config,
        show,
        name="show",
        access="ro",
        summary="Show every setting, secrets hidden",
        examples=("stt config show --origin", "stt config show -o json"),
    )


def check(*, connection: Connection | None = None) -> None:
    """Load all settings and tables of the file; raises ConfigError with every fault."""
    found = load_whole_file(connection or Connection())
    amount = len(settings.names())
    output.print_text(f"ok: {amount} settings, {len(found.origins)} of them not the default")


def show(
    *,
    origin: Annotated[
        bool, Parameter(negative=(), help="Show where each value comes from.")
    ] = False,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """Print every setting."""
    found = load_settings(connection or Connection())
    rows = [(name, value_of(found, name), origin_of(found, name)) for name in settings.names()]
    if form is not OutputFormat.TABLE:
        output.print_message(
            {name: {"value": value, "from": source} for name, value, source in rows}, form
        )
        return
    columns = (*COLUMNS, ORIGIN) if origin else COLUMNS
    cells: list[tuple[Cell, ...]] = []
    for name, value, source in rows:
        texts = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
        shown = ", ".join(map(str, texts))
        cells.append((Cell(name, "name"), Cell(shown), Cell(source, "hint"))[: len(columns)])
    output.print_grid(Grid(columns, tuple(cells)))


def value_of(found: settings.Settings, name: str) -> object:
    """The value of `section.key`, hidden if it is a secret that is set."""
    section, _, key = name.partition(".")
    value = msgspec.structs.asdict(getattr(found, section))[key]
    if name in settings.SECRET_SETTINGS and value:
        return HIDDEN
    if name == "nats.url":  # the one address that needs no scheme, by which others are recognised
        value = ",".join(map(_hide_login, str(value).split(",")))
    return hide_value(value)


def _hide_login(address: str) -> str:
    if "://" in address or "@" not in address:
        return address
    return HIDDEN + address[address.rindex("@") :]


def origin_of(found: settings.Settings, name: str) -> str:
    """Where the value of `section.key` comes from."""
    return found.origins.get(name, "default")
