"""States of real servers that a check has to find, and that its own remediation has to mend."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo import MongoClient

from stt_coordinator.local.servers.process import Running
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import CheckOutcome, Finding
from stt_worker.databases.port import Endpoint
from tests.support.checks.real import CheckRunner, endpoint, mysql_do, postgresql_do

STATEMENTS = re.compile(r";\s*\n|;\s*$")
RUN_COMMAND = re.compile(r'db\.getSiblingDB\("((?:[^"\\]|\\.)*)"\)\.runCommand\((.*)\);?$')


@dataclass(frozen=True, kw_only=True)
class State:
    """A bad state of a server, in the words of a guarantee.

    `make` and `undo` are statements of the administrator, for MongoDB lines of runCommand. `finds`
    maps the objects that the check has to name to their severities. The findings' own remediation
    is executed then, and none of the objects may be found again. `not_mended` says why that is
    left to a test of its own.
    """

    check: str
    name: str
    on: Sequence[str]  # the fixtures of the servers
    make: Sequence[str]
    undo: Sequence[str] = ()
    finds: Mapping[str, str] = field(default_factory=dict[str, str])
    not_mended: str = ""
    by_hand: Sequence[str] = ()  # what a person does, where the remediation has an action alone


def parameters(states: Iterable[State]) -> list[Any]:
    """A pair of state and server's fixture for each test of its own."""
    return [
        pytest.param(state, server, id=f"{state.check}-{state.name}-{server}")
        for state in states
        for server in state.on
    ]


async def prove(runner: CheckRunner, server: Running, state: State) -> None:
    """The state is found, mended by what the findings themselves say, and found no more."""
    family = builtin().checks[state.check].family
    where = endpoint(server, family)
    execute(server, family, state.make)
    try:
        outcome = await runner.run(state.check, where)
        found = {str(one.object): one for one in outcome.findings}
        shown = {name: str(found[name].severity) for name in state.finds if name in found}
        assert shown == dict(state.finds), outcome
        if state.not_mended:
            return
        fixes = [found[name].fix for name in state.finds]
        for name in state.finds:
            mend(server, family, found[name])
        execute(server, family, state.by_hand)
        after = await still_found(runner, state.check, where)
        assert not state.finds.keys() & after, f"still found after its remediation: {after}"
        undo = [line for fix in reversed(fixes) if fix is not None for line in fix.undo]
        if undo:
            execute(server, family, undo)
            after = await still_found(runner, state.check, where)
            assert state.finds.keys() <= after, f"not restored by its undo: {undo}"
    finally:
        execute(server, family, state.undo)


async def still_found(runner: CheckRunner, check: str, where: Endpoint) -> set[str]:
    """The objects a check finds now; it has to come to a decision."""
    outcome: CheckOutcome = await runner.run(check, where)
    assert outcome.outcome in {"passed", "failed"}, outcome
    return {str(finding.object) for finding in outcome.findings}


def mend(server: Running, family: Family, finding: Finding) -> None:
    """Execute a finding's remediation as it stands."""
    execute(server, family, steps(finding))


def steps(finding: Finding) -> list[str]:
    """The statements of a finding's remediation."""
    return list(finding.fix.statement) if finding.fix else statements(finding.remediation)


def statements(remediation: str) -> list[str]:
    """The statements of a remediation: one per line that ends in a semicolon, or the whole."""
    return [one.strip() for one in STATEMENTS.split(remediation) if one and one.strip()]


def execute(server: Running, family: Family, lines: Sequence[str]) -> None:
    """Execute statements as the server's administrator."""
    if family is Family.MYSQL:
        mysql_do(server, lines)
    elif family is Family.POSTGRESQL:
        postgresql_do(server, lines)
    else:
        mongodb_do(server, lines)


def mongodb_do(server: Running, lines: Iterable[str]) -> None:
    """Execute lines of db.getSiblingDB("x").runCommand({...}), whose document is JSON."""
    with MongoClient[dict[str, Any]](
        server.host,
        server.port,
        username=server.user or None,
        password=server.password or None,
        directConnection=True,
    ) as client:
        for line in lines:
            match = RUN_COMMAND.match(line.strip())
            assert match, f"no line of runCommand: {line}"
            client[json.loads(f'"{match[1]}"')].command(json.loads(match[2]))
