"""Counts follow every change of outcomes, findings, targets and checks, in every store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.retention import Before
from stt_coordinator.store.sql import counts
from stt_coordinator.store.sqlite.file.folder import FILE, SCHEMA
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.protocol.enums import Family, FindingState, Kind, Outcome, Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import PartNotChecked
from stt_shared.protocol.records import FindingRecord
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    accepted,
    check,
    finding,
    pair,
    target,
)
from tests.support.coordinator.twins import CHECKS, TARGETS, Fleet, numbers

STEPS = 25
KEPT_SINCE = 16  # schema with kept counts
WITHOUT = (15, 19)  # the last schema without kept counts, and the last without sums


ASKED = 6  # of QUERIES, after each step others
QUERIES = [
    FindingsRequest(state=state, sites=sites, severities=severities, checks=checks, targets=targets)
    for state in ("open", "accepted", "gone", "resolved", "all")
    for sites in ((), ("us",))
    for severities in ((), (Severity.MAJOR, Severity.TRIVIAL))
    for checks in ((), ("c1", "é"))
    for targets in ((), ("t1", "t2"))
]


class Change:
    """A random change, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  # no secret

    def __call__(self, ledger: Ledger) -> object:
        """Make it, and return counts as they are read in the same transaction."""
        pick, chance = self.random.choice, self.random.random
        some = self.random.sample(TARGETS, 2)
        if chance() < 0.3:
            ledger.fleet.replace_checks([check(name, enabled=chance() < 0.7) for name in CHECKS])
        if chance() < 0.5:
            ledger.fleet.put_targets(target(name, gone=chance() < 0.3) for name in some)
        if chance() < 0.3:
            ledger.retention.prune(Before(full=NOW, daily=NOW, audit=NOW), 1_000)
        if chance() < 0.2:
            # Rows without a target: nothing says that every caller deletes all of them.
            ledger.fleet.drop_targets(some)
        elif chance() < 0.2:
            # As the ledger forgets a target: it leaves no outcome, and its findings are resolved.
            ledger.outcomes.forget(some)
            over = FindingState.RESOLVED
            left = [
                msgspec.structs.replace(one, state=over, resolved_at=NOW)
                for one in ledger.findings.of_targets(some)
            ]
            ledger.findings.put(left)
            ledger.fleet.drop_targets(some)
        else:
            sites = {name: pick(["eu", "us"]) for name in some}
            if chance() < 0.8:
                ledger.fleet.put_targets(
                    target(name, learned=True, last_started=NOW) for name in some
                )
            part = PartNotChecked(name=pick("ab"), kind=Kind.NO_PRIVILEGE, reason="r")
            ledger.outcomes.put(
                msgspec.structs.replace(
                    pair(name, pick(CHECKS), pick(list(Outcome))),
                    parts_not_checked=pick([(), (part,)]),
                )
                for name in some
            )
            # As the ledger moves a target: what is not resolved goes with it.
            ledger.findings.put(
                msgspec.structs.replace(one, site=sites[one.target])
                for one in ledger.findings.of_targets(some)
                if one.state is not FindingState.RESOLVED
            )
            if chance() < 0.3:
                everything(ledger, self.random.randrange(1_000))
            ledger.findings.put(
                self.finding(name, pick(CHECKS), sites[name]) for name in some for _ in range(3)
            )
        return everything(ledger, self.random.randrange(1_000))

    def finding(self, name: str, check_name: str, site: str) -> FindingRecord:
        """A finding of a target, new or as another change left it."""
        pick = self.random.choice
        state = pick([FindingState.OPEN, FindingState.RESOLVED])
        over = pick([NOW, NOW - HOUR]) if state is FindingState.RESOLVED else None
        return finding(
            f"f_{name}{check_name}{self.random.randrange(3)}",
            target=name,
            check=check_name,
            site=site,
            severity=pick(list(Severity)),
            state=state,
            resolved_at=over,
            accepted=pick([None, accepted()]),
        )


def everything(ledger: Ledger, seed: int) -> object:
    """What is counted, by every way to ask."""
    queries = Random(seed).sample(QUERIES, ASKED)  # noqa: S311  # no secret
    return [
        [sorted(map(str, rows)) for rows in numbers(ledger)],
        sorted(ledger.counts.tallies().not_checked()),
        ledger.counts.sites(NOW + HOUR),
        sorted(ledger.fleet.sites()),
        sorted(one.site for one in ledger.fleet.places()),
        ledger.outcomes.never_run(9),
        [ledger.findings.page(query) for query in queries],
        [ledger.findings.group(by, 9, q) for by in ("check", "target", "site") for q in queries],
    ]


@pytest.mark.parametrize("seed", range(3))
async def test_counts_are_those_of_the_twin_after_each_change_and_within_it(
    seed: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Changes of more targets take several statements, as other checks in a large fleet do.
    monkeypatch.setattr(counts, "COUNTED_AT_ONCE", 2)
    twin = MemoryStore()
    for step in range(STEPS):
        for one in (twin, store):
            # Nothing of a change that fails is counted.
            with pytest.raises(ZeroDivisionError):
                await one.transact(lambda ledger, n=step: (Change(n)(ledger), 1 // 0))  # type: ignore[misc]
        changed = [await one.transact(Change(seed * STEPS + step)) for one in (twin, store)]
        assert changed[0] == changed[1], f"step {step}"
        read = [
            await one.read(lambda ledger, n=step: everything(ledger, n))  # type: ignore[misc]  # bound now
            for one in (twin, store)
        ]
        assert read[0] == read[1], f"step {step}"


async def test_rows_of_a_target_that_is_not_known_are_counted_by_the_checks_of_now(
    store: Store,
) -> None:
    def fill(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("c2", enabled=False)])
        ledger.outcomes.put(pair("left", name, Outcome.FAILED) for name in ("c1", "c2"))
        ledger.findings.put(finding(f"f_{n}", target="left", check=n) for n in ("c1", "c2"))

    await store.transact(fill)
    for enabled in (("c1", "c2"), (), ("c2",)):
        checks = [check(name, enabled=name in enabled) for name in ("c1", "c2")]
        await store.transact(lambda ledger, to=checks: ledger.fleet.replace_checks(to))  # type: ignore[misc]  # bound now
        found = await store.read(lambda ledger: ledger.counts.tallies())
        for rows in (found.findings, found.outcomes):
            assert sum(row[-1] for row in rows) == len(enabled)


@pytest.mark.parametrize("version", WITHOUT)
async def test_a_store_of_an_earlier_release_has_the_same_counts_after_its_upgrade(
    tmp_path: Path, version: int
) -> None:
    now = await open_store(tmp_path)
    await now.transact(Fleet(1).fill)
    expected = await now.read(lambda ledger: everything(ledger, 1))
    assert (await now.read(lambda ledger: ledger.counts.tallies())).gone == [
        ("eu", Family.MYSQL, 1)
    ]
    await now.close()
    before = tmp_path / "before"
    before.mkdir()
    with closing(sqlite3.connect(before / FILE)) as old:
        old.executescript("".join(SCHEMA.scripts[:version]))
        old.execute("ATTACH ? AS new", [str(tmp_path / FILE)])
        tables = ("targets", "checks", "pairs", "findings", "kept_counts")
        for table in tables[: 4 if version < KEPT_SINCE else 5]:
            names = ", ".join(
                name for _, name, *_ in old.execute(f"PRAGMA main.table_info({table})")
            )
            old.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM new.{table}")
        old.commit()
        old.execute(f"PRAGMA user_version = {version}")
    upgraded = await open_store(before)
    try:
        assert await upgraded.read(lambda ledger: everything(ledger, 1)) == expected
    finally:
        await upgraded.close()
