"""Flip all that may be set on MongoDB and write docs/session-settings-mongodb.md about it."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stt_coordinator.local.servers.process import Running
from stt_shared import clock
from stt_shared.checkfile.catalogue import builtin
from stt_shared.protocol.enums import Family
from stt_shared.telemetry import logs
from stt_worker.databases.port import Endpoint, Tls
from tests.hostile.mongodb.mongodb_settings import VERSIONS, Setting, bad_server, flipped, settings
from tests.hostile.session_settings import Handling, Verdicts, changed, handling, inspected
from tests.servers.certificates import make
from tests.support.checks.real import CheckRunner, open_check_runner

PAGE = Path(__file__).parents[3] / "docs" / "session-settings-mongodb.md"
NOT_TAKEN = "not taken"  # the server takes no other value here
ABSENT = "-"
SLOW_S = 5.0  # one setting; worth a line
WORST_LAST = (*map(str, Handling),)
PINS = (
    ("`requireApiVersion`", "`apiVersion: 1` is declared once the greeting is refused without it"),
    ("default read concern", "`readConcern: local` with each question"),
    ("`defaultMaxTimeMS` (8.0)", "`maxTimeMS` with each question"),
    ("`readHedgingMode`, read preference", "`$readPreference: primaryPreferred`: nobody is hedged"),
    ("compressors, sessions, transactions", "never asked for: no `compression`, no `lsid`"),
    ("sort order of a collection", "nothing is sorted or compared by the server"),
    ("`$` fields, JavaScript", "no command of the closed list takes them"),
)
Row = dict[str, str]  # what each version does with one setting


def about(name: str) -> frozenset[str]:
    """The checks that report a setting: their scripts name it."""
    word = re.compile(rf"\b{re.escape(name.partition(' ')[0])}\b")
    checks = builtin().of(Family.MONGODB)
    return frozenset(one.name for one in checks if word.search(one.script))


class Flipper:
    """One bad server, and what the library says of it before anything is flipped."""

    def __init__(self, server: Running, runner: CheckRunner) -> None:
        self.server, self.runner = server, runner
        self.before: Verdicts = {}
        self.refusals: dict[str, str] = {}  # why the server took no other value, by setting

    async def inspect(self) -> Verdicts:
        """What every check says now."""
        where = Endpoint(
            family=Family.MONGODB,
            host=self.server.host,
            port=self.server.port,
            user="root",
            password="x",
            tls=Tls(mode="off"),
        )
        return await inspected(self.runner, where)

    async def flip(self, setting: Setting) -> tuple[str, Verdicts]:
        """The worst that any value of `setting` did, and the verdicts it changed."""
        worst, seen = NOT_TAKEN, Verdicts()
        for why in flipped(self.server, setting):
            if why:
                self.refusals[setting.name] = why
                continue
            after = await self.inspect()
            found = str(handling(self.before, after, about(setting.name)))
            seen |= changed(self.before, after)
            if worst == NOT_TAKEN or WORST_LAST.index(found) > WORST_LAST.index(worst):
                worst = found
        return worst, seen


@asynccontextmanager
async def flipping(folder: Path, version: str) -> AsyncIterator[Flipper]:
    """A flipper for a bad server of that version."""
    folder.mkdir(exist_ok=True)
    with bad_server(folder, version, make(folder)) as server:
        async with open_check_runner() as runner:
            one = Flipper(server, runner)
            one.before = await one.inspect()
            yield one


@dataclass
class Found:
    """What flipping everything showed."""

    rows: dict[tuple[str, str], Row] = field(default_factory=dict)  # by scope and name
    failing: dict[str, int] = field(default_factory=dict)  # checks before, by version
    refusals: dict[str, str] = field(default_factory=dict)  # of settings not taken


async def whole() -> Found:
    """Every setting of every version."""
    every = Found()
    with tempfile.TemporaryDirectory(prefix="stt-settings-") as folder:
        for version in VERSIONS:
            async with flipping(Path(folder) / version, version) as flipper:
                outcomes = Counter(outcome for outcome, _, _ in flipper.before.values())
                print(version, dict(outcomes), file=sys.stderr)
                every.failing[version] = outcomes["failed"]
                for setting in settings(flipper.server):
                    started = clock.monotonic()
                    found, seen = await flipper.flip(setting)
                    if (took := clock.monotonic() - started) > SLOW_S:
                        print(version, setting.name, f"{took:.0f} s", file=sys.stderr)
                    if seen:
                        print(version, setting.name, found, seen, file=sys.stderr)
                    every.rows.setdefault((setting.scope, setting.name), {})[version] = found
                assert await flipper.inspect() == flipper.before, "the server is not as it was"
                every.refusals |= flipper.refusals
    return every


def words_of(refusal: str) -> str:
    """A refusal on one line of a table, without the folder of a test."""
    return re.sub(r"'/[^']*'", "a path", refusal).replace("|", "/")


def page(found: Found) -> str:
    """The page in Markdown."""
    rows, failing = found.rows, found.failing
    head = " | ".join(VERSIONS)
    lines = [
        "# What a MongoDB server may set, and what it does to verdicts",
        "",
        "Generated by `make session-settings`, do not edit. Each line is something that may be",
        "set while the server runs, by the server's own lists. It was flipped on a server in a bad",
        f"state ({', '.join(f'{v}: {n} checks failed' for v, n in failing.items())}), the whole",
        "library was run, and its verdicts were compared with those before. CI flips a sample.",
        "",
        "- harmless: no verdict changed",
        "- reported: only checks changed that are about this setting",
        "- refused: checks ended as `error` of kind `session`, none passed",
        "- failed: checks ended as an error of another kind, none passed",
        f"- {NOT_TAKEN}: the server took no other value here",
        f"- {ABSENT}: this version does not have it",
        "",
        "Failpoints (`enableTestCommands`) and a proxy can make a server say anything: that is",
        "lying, not setting, and no client can tell. `mongos` is not in the test's servers.",
        "",
        "## Pinned in every session",
        "",
        "| what could be set | what the worker does |",
        "|---|---|",
        *(f"| {what} | {how} |" for what, how in PINS),
        "",
        "## Counts",
        "",
        f"| outcome | {head} |",
        "|---|" + "---|" * len(VERSIONS),
    ]
    for word in (*WORST_LAST, NOT_TAKEN):
        counts = [sum(row.get(v) == word for row in rows.values()) for v in VERSIONS]
        lines.append(f"| {word} | {' | '.join(map(str, counts))} |")
    lines += ["", "## Settings", "", f"| setting | scope | {head} |"]
    lines.append("|---|---|" + "---|" * len(VERSIONS))
    for (scope, name), row in sorted(rows.items()):
        cells = " | ".join(row.get(version, ABSENT) for version in VERSIONS)
        lines.append(f"| `{name}` | {scope} | {cells} |")
    lines += [
        "",
        "## Why some were not taken",
        "",
        "| setting | what the server says |",
        "|---|---|",
    ]
    not_taken = {name for (_, name), row in rows.items() if NOT_TAKEN in row.values()}
    lines += [f"| `{name}` | {words_of(found.refusals[name])} |" for name in sorted(not_taken)]
    return "\n".join(lines) + "\n"


def written() -> dict[tuple[str, str], Row]:
    """The settings of the page as it is."""
    found: dict[tuple[str, str], Row] = {}
    _, _, rest = PAGE.read_text(encoding="utf-8").partition("## Settings")
    table, _, _ = rest.partition("## Why")
    for line in table.splitlines():
        if line.startswith("| `"):
            name, scope, *cells = (one.strip() for one in line.strip("|").split("|"))
            row = dict(zip(VERSIONS, cells, strict=True))
            found[scope, name.strip("`")] = {v: cell for v, cell in row.items() if cell != ABSENT}
    return found


def main() -> int:
    """Write the page; 1 if a setting bends a verdict."""
    logs.configure("error", "console")
    found = asyncio.run(whole())
    PAGE.write_text(page(found), encoding="utf-8")
    bent = [name for (_, name), row in found.rows.items() if Handling.BENT in row.values()]
    if bent:
        print(f"verdicts are bent by: {', '.join(sorted(bent))}", file=sys.stderr)
    return 1 if bent else 0


if __name__ == "__main__":
    sys.exit(main())
