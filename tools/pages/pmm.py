"""Maintainers' command: public check files of PMM on real servers, written down as a table.

`python -m tools.pages.pmm FOLDER` writes docs/pmm.md. The files themselves have another
licence than ours: they are read and run, and never part of this repository.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.checkfile import catalogue
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.checkfile.model import Check
from stt_shared.protocol.enums import Family
from tests.servers.certificates import make
from tests.support.checks.go import GoEnd
from tests.support.checks.hardening import Hardener
from tests.support.checks.installs import administrator, diagnosed, starter
from tests.support.checks.pmm import Compared, compare, needs_a_store
from tests.support.checks.real import open_check_runner
from tests.support.checks.scenario import execute
from tools.pages.servers import SERVERS, TITLES

PAGE = Path(__file__).parents[2] / "docs" / "pmm.md"
NOTES = Path(__file__).parent / "pmm_notes.md"
BAD_MYSQL = (
    "CREATE USER 'nopass'@'%' IDENTIFIED BY ''",
    "CREATE USER ''@'localhost'",
    "CREATE USER 'root'@'10.0.0.7' IDENTIFIED BY 'Some 1: password'",
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'10.0.0.7'",
    "CREATE USER 'repl'@'8.8.8.8' IDENTIFIED BY 'Some 1: password'",
    "GRANT REPLICATION SLAVE, SELECT, INSERT ON *.* TO 'repl'@'8.8.8.8'",
    "CREATE DATABASE test_me",
    "CREATE TABLE test_me.without_key (a INT)",
    "SET GLOBAL local_infile = 1",
    "SET GLOBAL automatic_sp_privileges = 0",
    "SET GLOBAL default_password_lifetime = 90",
)
BAD_POSTGRESQL = (
    "CREATE ROLE app LOGIN SUPERUSER",
    f"CREATE ROLE soon LOGIN VALID UNTIL '{clock.now().date()} 23:59:59'",
    "ALTER SYSTEM SET log_checkpoints = off",
    "ALTER SYSTEM SET autovacuum = off",
    "SELECT pg_reload_conf()",
)
BAD_MONGODB = {
    "security": {"authorization": "enabled"},  # the one thing that is bad by default
    "setParameter": {"enableLocalhostAuthBypass": True, "authenticationMechanisms": "SCRAM-SHA-1"},
}
EVERYWHERE = "0.0.0.0"  # noqa: S104  # what a check has to find
Rows = dict[str, dict[str, list[Compared]]]  # by check, by server: before and after


def main(folder: Path) -> None:
    """Compare on fresh servers of every kind, then write the page."""
    pack = catalogue.load(folder, strict=False)
    rows: Rows = {name: {} for name in pack.checks}
    with tempfile.TemporaryDirectory(prefix="stt-servers-") as scratch:
        Path(scratch).chmod(0o755)
        for family, names in SERVERS.items():
            for name in names:
                asyncio.run(_look(folder, pack, family, name, Path(scratch), rows))
    PAGE.write_text(_page(pack, rows), encoding="utf-8")


async def _look(  # noqa: PLR0917  # the page's only loop
    folder: Path, pack: Catalogue, family: Family, name: str, scratch: Path, rows: Rows
) -> None:
    certificates = scratch / f"certificates-{name}"
    certificates.mkdir()
    server = starter(name, scratch / name, make(certificates))()
    try:
        async with open_check_runner() as runner:
            for change in (None, _make_bad):
                if change:
                    change(server, family)
                if family is Family.MONGODB:
                    diagnosed(server)
                for one in await compare(folder, pack, server, runner, family):
                    rows[one.check.name].setdefault(name, []).append(one)
    finally:
        server.stop()


def _make_bad(server: Running, family: Family) -> None:
    """What PMM's checks look for, as far as a server can be brought into it at once."""
    if family is not Family.MONGODB:
        execute(server, family, BAD_MYSQL if family is Family.MYSQL else BAD_POSTGRESQL)
        return
    administrator(server)
    hardener = Hardener(server, family)
    hardener.options = BAD_MONGODB
    server.command = [EVERYWHERE if word == server.host else word for word in server.command]
    hardener.restart()


def _page(pack: Catalogue, rows: Rows) -> str:
    lines = [NOTES.read_text(encoding="utf-8")]
    lines.append(f"\n{_counted(pack, rows)}\n")
    for family, names in SERVERS.items():
        titles = " | ".join(TITLES[name] for name in names)
        lines.append(
            f"\n## {family}\n\n| file | loads | {titles} |\n|---|---|{'---|' * len(names)}\n"
        )
        lines += [_row(check, rows[check.name], names) for check in pack.of(family)]
    if pack.faults:
        lines.append("\n## Not loaded\n\n")
        lines += [f"* {Path(fault.source).name}: {fault.message}\n" for fault in pack.faults]
    return "".join(lines)


def _counted(pack: Catalogue, rows: Rows) -> str:
    every = [one for servers in rows.values() for both in servers.values() for one in both]
    evaluated = [one for one in every if not needs_a_store(one.check)]
    same = sum(one.same for one in evaluated)
    stores = sum(needs_a_store(check) for check in pack.checks.values())
    return (
        f"Read on {clock.now().date()}: {len(pack.checks)} checks load, {len(pack.faults)} do not;"
        f" {stores} of them ask a metrics store. The others were evaluated {len(evaluated)} times;"
        f" {same} times the outcome and every finding were those of PMM's own rules."
    )


def _row(check: Check, rows: Mapping[str, list[Compared]], names: Iterable[str]) -> str:
    cells = [" -> ".join(dict.fromkeys(_cell(one) for one in rows.get(name, []))) for name in names]
    return f"| {check.name} | yes | {' | '.join(cells)} |\n"


def _cell(one: Compared) -> str:
    ours = _words(one.ours)
    if one.same or needs_a_store(one.check):
        return ours
    return f"{ours} (PMM: {_words(one.theirs)})"


def _words(ended: GoEnd) -> str:
    worst = min((one.severity for one in ended.findings), default="")
    return f"{ended.outcome}, {worst}" if worst else ended.outcome


if __name__ == "__main__":
    main(Path(sys.argv[1]))
