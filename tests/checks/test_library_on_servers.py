"""The whole library on fresh servers: no error by default, and clean after its own remediations."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from stt_coordinator.local.servers.process import Running
from stt_shared.protocol.enums import Family
from stt_shared.protocol.messages import Finding
from stt_worker.databases.port import Endpoint
from tests.servers.certificates import Certificates
from tests.servers.fixtures import server_or_reason
from tests.support.checks.hardening import Hardener, Outcomes
from tests.support.checks.installs import administrator, starter
from tests.support.checks.real import CheckRunner, encrypted, endpoint, open_check_runner
from tools.pages.servers import HEAD, PAGE, SERVERS, outcome, section

CELLS: dict[str, dict[str, tuple[str, str]]] = {}
# What they say is work for people: a package to install, a program to run while the server is off.
BY_HAND = (
    *("_version", "_version_eol", "_known_cve", "postgresql_pgaudit", "_data_checksums"),
    "_weak_auth_plugin",  # MariaDB: somebody has to choose the password
    "_run_as_root",  # how the test itself runs
)
PAIRS = [(family, name) for family, names in SERVERS.items() for name in names]


@asynccontextmanager
async def fresh(
    name: str, folder: Path, certificates: Certificates
) -> AsyncIterator[tuple[Running, CheckRunner]]:
    running = server_or_reason(name, starter(name, folder / f"library-{name}", certificates))
    try:
        async with open_check_runner() as runner:
            yield running, runner
    finally:
        running.stop()


def errors(outcomes: Outcomes) -> dict[str, str]:
    return {name: one.reason for name, one in outcomes.items() if one.outcome == "error"}


@pytest.mark.parametrize(("family", "name"), PAIRS, ids=[name for _, name in PAIRS])
async def test_no_check_breaks_on_a_default_install_and_all_pass_after_their_own_remediation(
    family: Family, name: str, servers_folder: Path, certificates: Certificates
) -> None:
    async with fresh(name, servers_folder, certificates) as (running, runner):
        before = await runner.run_all(where(running, family))
        assert errors(before) == {}
        if family is Family.MONGODB:
            administrator(running)
        hardener = Hardener(running, family, left=[n for n in before if left_to_people(n)])
        after = await hardener.harden(runner)
        assert errors(after) == {}
        still = {
            check: [str(finding.object) for finding in one.findings]
            for check, one in after.items()
            if any(map(is_executable, one.findings)) and not left_to_people(check)
        }
        assert still == {}
    CELLS[name] = {check: (outcome(before[check]), outcome(after[check])) for check in before}


def where(running: Running, family: Family) -> Endpoint:
    """MySQL and MariaDB over TLS: a session without it cannot see what requires it."""
    return encrypted(running) if family is Family.MYSQL else endpoint(running, family)


def is_executable(finding: Finding) -> bool:
    """Whether its remediation has statements or lines, not an action of a person alone."""
    return finding.fix is None or bool(finding.fix.statement or finding.fix.lines)


def left_to_people(check: str) -> bool:
    return check.endswith(BY_HAND)


def test_the_page_shows_the_outcomes_on_the_servers() -> None:
    if len(CELLS) < len(PAIRS):
        pytest.fail("the servers have to be asked first: run the whole file")
    page = HEAD + "".join(section(family, CELLS) for family in SERVERS)
    if os.environ.get("STT_WRITE_PAGES"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page
