"""Lists every statement that checks send to a target, and those that open the session."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from stt_shared.checkfile.catalogue import builtin
from stt_shared.checkfile.model import Check, Server
from stt_shared.checkfile.variants import choose, unsupported
from stt_shared.command.control import Control
from stt_shared.protocol.control import ChecksReply, Empty, TargetInfo, Verb
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Value
from stt_shared.report import readable
from stt_shared.report.views.check import statement
from stt_worker.databases.mysql import session as mysql_session
from stt_worker.databases.postgresql import session as postgresql_session

SESSIONS = {
    Family.MYSQL: tuple(mysql_session.SQL.values()),
    Family.POSTGRESQL: tuple(postgresql_session.SQL.values()),
    Family.MONGODB: tuple(
        json.dumps({name: 1}) for name in ("hello", "saslStart", "saslContinue", "buildInfo")
    ),
}


class Statement(Value, frozen=True, kw_only=True):
    """A statement for one target; without `checks` it is part of every session."""

    target: str
    family: Family
    site: str
    server: str
    statement: str
    all_dbs: bool = False
    checks: tuple[str, ...] = ()


async def planned(
    control: Control, *, sites: Sequence[str], targets: Sequence[str]
) -> tuple[Statement, ...]:
    """The statements for the targets of the coordinator, by target."""
    reply = await control.ask(Verb.CHECKS, Empty(), ChecksReply)
    enabled = {one.check for one in reply.checks if one.enabled}
    checks = [check for check in builtin().checks.values() if check.name in enabled]
    return tuple(
        found
        for one in await control.every_target()
        if (not sites or one.site in sites) and (not targets or one.target in targets)
        for found in statements(one, checks)
    )


def statements(target: TargetInfo, checks: Iterable[Check]) -> Iterator[Statement]:
    """The statements for one target; all variants if the facts of its server are unknown."""
    blank = Statement(
        target=target.target,
        family=target.family,
        site=target.site,
        server=readable.server(target.facts) if target.facts else "not inspected yet",
        statement="",
    )
    for text in SESSIONS[target.family]:
        yield replace(blank, statement=text)
    asked: dict[tuple[str, bool], list[str]] = {}
    for check in checks:
        if check.family is target.family and not unsupported(check):
            facts = target.facts
            # Unknown facts: every variant is listed, for the change board has to see all of them.
            server = Server(flavour=facts.flavour, version=facts.version) if facts else None
            for query in choose(check, server).queries if server else check.queries:
                asked.setdefault((statement(query), query.all_dbs), []).append(check.name)
    for (text, all_dbs), names in asked.items():
        yield replace(blank, statement=text, all_dbs=all_dbs, checks=tuple(names))
