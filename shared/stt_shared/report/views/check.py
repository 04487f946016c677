"""One check in full: its purpose, its statements, and its script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stt_shared.checkfile.model import Check, Query, QueryType
from stt_shared.report import readable
from stt_shared.report.theme import clean
from stt_shared.report.views.finding import LABEL_WIDTH

PERIODS = {"standard": "24 h", "rare": "78 h", "frequent": "4 h"}


def statement(query: Query) -> str:
    """The statement that is sent to the server."""
    if query.type is QueryType.POSTGRESQL_SHOW:
        return "SHOW ALL"
    verb = query.type.rpartition("_")[2]
    if verb in ("SHOW", "SELECT"):
        return f"{verb} {query.text}".strip()
    if query.type is QueryType.MONGODB_COMMAND:
        return query.text
    if query.type is QueryType.MONGODB_USERS:
        return f"usersInfo, rolesInfo: {query.text}"
    return verb.lower()


def check_block(check: Check, origin: str = "") -> list[RenderableType]:
    """The paragraphs of `stt checks show`; `origin` names the pack and its signing key."""
    title = Text().append(clean(check.name), "name").append(f"  {clean(check.summary)}", "bold")
    place = f"{readable.FAMILIES[check.family]}, every {PERIODS[check.interval]}"
    if check.aliases:
        place += f", also known as {', '.join(check.aliases)}"
    body = Table.grid(padding=0)
    body.add_column(width=LABEL_WIDTH, style="head")
    body.add_column(overflow="fold")
    for label, text in _paragraphs(check, origin):
        body.add_row(label, Text(clean(text.rstrip(), keep="\n")))
    return [title, Text(clean(place)), Text(), body]


def _paragraphs(check: Check, origin: str) -> Iterator[tuple[str, str]]:
    yield "Why", check.description
    if check.remediation:
        yield "Fix", check.remediation
    for place, query in enumerate(check.queries):
        where = " (in every database)" if query.all_dbs else ""
        guard = f"   -- if {query.when.text}" if query.when else ""
        yield "Asks" if place == 0 else "", f"{statement(query)}{where}{guard}"
    for place, (flavour, grants) in enumerate(check.privileges.items()):
        yield "Needs" if place == 0 else "", f"{flavour}: {', '.join(grants) or 'a log-in'}"
    if check.references:
        yield "Maps to", "\n".join(check.references)
    if origin:
        yield "Pack", origin
    yield "Digest", check.digest
    yield "Script", "\n" + check.script


def check_object(check: Check) -> dict[str, Any]:
    """A check as an object for JSON, with the guards as written."""
    queries = [
        {
            "type": query.type,
            "statement": statement(query),
            "all_dbs": query.all_dbs,
            "name": query.name,
            "when": query.when.text if query.when else "",
        }
        for query in check.queries
    ]
    return {
        "check": check.name,
        "aliases": check.aliases,
        "family": check.family,
        "interval": check.interval,
        "category": check.category,
        "summary": check.summary,
        "description": check.description,
        "remediation": check.remediation,
        "references": check.references,
        "privileges": check.privileges,
        "queries": queries,
        "script": check.script,
        "digest": check.digest,
    }
