"""`stt audit`: who changed what, when and why."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from stt_shared import clock
from stt_shared.command import client, output
from stt_shared.command.adding import READ, add_command
from stt_shared.command.options import Connection, Output
from stt_shared.command.output import OutputFormat
from stt_shared.errors import UsageError
from stt_shared.protocol.audit import AuditEntry, AuditReply, AuditRequest
from stt_shared.protocol.control import Verb
from stt_shared.report.views.audit import audit_grid

MAX_LIMIT = 100_000  # entries of one call
PAGE = 500  # entries asked for at once


def add(app: App) -> None:
    """Add `audit` to `app`."""
    add_command(
        app,
        audit,
        name="audit",
        access="ro",
        summary="List every requested change with who, when and why, newest first",
        examples=("stt audit", "stt audit --limit 1000 -o jsonl > audit.jsonl"),
        group=READ,
    )


async def audit(
    *,
    limit: Annotated[int, Parameter(help="Number of entries, newest first.")] = 50,
    form: Output = OutputFormat.TABLE,
    connection: Connection | None = None,
) -> None:
    """List changes; raises UsageError for a `limit` out of range."""
    if not 1 <= limit <= MAX_LIMIT:
        raise UsageError(f"--limit is {limit}, expected 1 to {MAX_LIMIT}")
    found: list[AuditEntry] = []
    after = ""
    async with client.coordinator(connection) as control:
        while len(found) < limit:
            request = AuditRequest(after=after, limit=min(PAGE, limit - len(found)))
            reply = await control.ask(Verb.AUDIT, request, AuditReply)
            found.extend(reply.entries)
            after = reply.next
            if not after:
                break
    if form is OutputFormat.JSON:
        output.print_message(AuditReply(entries=tuple(found), next=after), form)
    elif form is OutputFormat.JSONL:
        output.print_lines(found)
    else:
        output.print_grid(audit_grid(found, clock.now()))
        if not found:
            output.note("No changes recorded yet.")
