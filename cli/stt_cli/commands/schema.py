"""`stt schema`: the JSON Schema of every message and of the report."""

from __future__ import annotations

import inspect
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from msgspec.structs import fields

from stt_shared.command import output
from stt_shared.command.adding import TOOL, add_command
from stt_shared.errors import UsageError
from stt_shared.protocol import audit, control, findings, messages, records, suppressions
from stt_shared.protocol.codec import schema_of
from stt_shared.protocol.messages import Value
from stt_shared.protocol.queries import fleet, health, history, overview, reports
from stt_shared.report.model import Report
from stt_shared.report.objects import json_text

MODULES = (
    messages,
    records,
    control,
    findings,
    reports,
    suppressions,
    fleet,
    health,
    history,
    overview,
    audit,
)
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def add(app: App) -> None:
    """Add `schema` to `app`."""
    add_command(
        app,
        show,
        name="schema",
        access="ro",
        summary="Print the JSON Schema of a message, or the names of all",
        examples=("stt schema", "stt schema report", "stt schema event.finding"),
        group=TOOL,
    )


def kinds() -> dict[str, type[msgspec.Struct]]:
    """Every message by its schema's name without `stt.` and version, e.g. `event.finding`."""
    found: dict[str, type[msgspec.Struct]] = {"report": Report}
    for module in MODULES:
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if issubclass(kind, Value) and "schema" in kind.__struct_fields__:
                found[_name(schema_of(kind))] = kind
    return dict(sorted(found.items()))


def _name(schema: str) -> str:
    return schema.removeprefix("stt.").partition("/")[0]


def json_schema(kind: type[msgspec.Struct]) -> dict[str, object]:
    """The JSON Schema of `kind`; its field `schema` has one constant value."""
    found = msgspec.json.schema(kind)
    pinned = next(field.default for field in fields(kind) if field.name == "schema")
    found["$defs"][kind.__name__]["properties"]["schema"] = {"const": pinned}
    return {"$schema": DRAFT, **found}


def show(
    name: Annotated[
        str, Parameter(help="Name of a message; without it the names are listed.")
    ] = "",
    /,
) -> None:
    """Print one schema, or all names; raises UsageError for an unknown name."""
    found = kinds()
    if not name:
        output.print_text("\n".join(found))
        return
    wanted = _name(name)
    if wanted not in found:
        raise UsageError(f"unknown schema {name!r}", hint="see the names: stt schema")
    output.print_text(json_text(json_schema(found[wanted])))
