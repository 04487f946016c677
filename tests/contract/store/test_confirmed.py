"""An answer that repeats what was known is kept for each check and finding, by one row a target."""

from __future__ import annotations

import random
from collections.abc import Iterator

import msgspec
import pytest

from stt_coordinator.domain.answers import evidence_of, latest_pair
from stt_coordinator.domain.findings import fold
from stt_coordinator.domain.model import Confirmation, Order, Pair
from stt_coordinator.ledger import answers as recording
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_shared.protocol.enums import Kind, Outcome, Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.messages import CheckOutcome, Finding, PartNotChecked, Result
from stt_shared.protocol.records import FindingRecord
from tests.support.coordinator.ledgers import job_of, minutes, planned, recorded, result, run_of
from tests.support.coordinator.store_rows import HOUR, NOW, finding, pair

TARGETS = ("t1", "t2")
RUNS = 12
SEEDS = 3
LEFT_OUT = PartNotChecked(name="billing", kind=Kind.NO_PRIVILEGE, reason="r")


def confirmation(run: int, *checks: str, findings: tuple[str, ...] = ()) -> Confirmation:
    at = NOW + run * HOUR
    return Confirmation(
        run_id=f"r{run}",
        started=at,
        finished=at,
        order=Order(run, 1),
        checks=checks,
        findings=findings,
    )


async def orders(store: Store) -> dict[tuple[str, str], int]:
    """The run of the latest outcome of each check on each target."""
    found = await store.read(lambda ledger: ledger.outcomes.of_targets(TARGETS))
    return {(one.target, one.check): one.order.run for one in found}


async def test_each_check_has_the_newest_answer_that_named_it(store: Store) -> None:
    checks = ("c1", "c2", "c3")
    await store.transact(
        lambda ledger: ledger.outcomes.put(pair(t, check) for t in TARGETS for check in checks)
    )
    for run, named in ((1, ("c1", "c2", "c3")), (2, ("c2",)), (3, ("c3", "unknown"))):
        await store.transact(
            lambda ledger, run=run, named=named: ledger.outcomes.confirm(  # type: ignore[misc]  # bound now
                {"t1": [confirmation(run, *named)]}
            )
        )
    of_first = {("t1", "c1"): 1, ("t1", "c2"): 2, ("t1", "c3"): 3}
    assert await orders(store) == {**of_first, **{("t2", check): 0 for check in checks}}
    found = await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"]))
    (second,) = [one for one in found if one.check == "c2"]
    assert second == msgspec.structs.replace(
        pair("t1", "c2"),
        run_id="r2",
        started=NOW + 2 * HOUR,
        finished=NOW + 2 * HOUR,
        order=Order(2, 1),
        verdict=Order(2, 1),
    )


async def test_what_is_written_after_a_confirmation_stands(store: Store) -> None:
    known = finding("f_a", last_confirmed=NOW)

    def write(ledger: Ledger) -> None:
        ledger.outcomes.put([pair("t1", "c1"), pair("t1", "c2")])
        ledger.findings.put([known, finding("f_b")])
        ledger.outcomes.confirm({"t1": [confirmation(5, "c1", "c2", findings=("f_a", "f_b"))]})
        ledger.outcomes.put([pair("t1", "c1", Outcome.ERROR)])
        ledger.findings.put([known])

    await store.transact(write)
    assert await orders(store) == {("t1", "c1"): 0, ("t1", "c2"): 5}
    found = await store.read(lambda ledger: ledger.findings.by_id(["f_a", "f_b"]))
    assert {one.id: one.last_confirmed for one in found} == {"f_a": NOW, "f_b": NOW + 5 * HOUR}


async def test_outcomes_that_were_forgotten_are_not_confirmed_when_they_come_again(
    store: Store,
) -> None:
    def write(ledger: Ledger) -> None:
        ledger.outcomes.put([pair("t1", "c1")])
        ledger.findings.put([finding("f_a")])
        ledger.outcomes.confirm({"t1": [confirmation(5, "c1", findings=("f_a",))]})
        ledger.outcomes.forget(["t1"])
        ledger.outcomes.put([pair("t1", "c1")])

    await store.transact(write)
    assert await orders(store) == {("t1", "c1"): 0}
    (left,) = await store.read(lambda ledger: ledger.findings.by_id(["f_a"]))
    assert left.last_confirmed == NOW + 5 * HOUR


async def test_every_way_to_read_a_finding_says_when_it_was_confirmed(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.findings.put([finding("f_a")])
        ledger.outcomes.confirm({"t1": [confirmation(1, findings=("f_a",))]})

    await store.transact(write)

    def read(ledger: Ledger) -> Iterator[FindingRecord]:
        yield from ledger.findings.of_targets(["t1"])
        yield from ledger.findings.by_id(["f_a"])
        yield from ledger.findings.of_check("c1")
        yield from ledger.findings.with_prefix("f_", 9)
        yield from ledger.findings.page(FindingsRequest(state="all"))[0]

    found = await store.read(lambda ledger: list(read(ledger)))
    assert [one.last_confirmed for one in found] == [NOW + HOUR] * 5


class Known:
    """What a store that writes each outcome and finding in full would have."""

    def __init__(self) -> None:
        self.pairs: dict[tuple[str, str], Pair] = {}
        self.findings: dict[str, FindingRecord] = {}

    async def record(self, store: Store, one: Result) -> None:
        """Record a result in the store, and what each of its outcomes says here."""
        now = max(one.started, minutes(0)) + HOUR
        await recorded(store, one, now=now)
        job, run = await job_of(store, one.target, one.run_id), await run_of(store, one.run_id)
        evidence = evidence_of(job, one, Order(run.number, one.dispatch), now)
        for outcome in one.outcomes:
            key = (one.target, outcome.check)
            before = self.pairs.get(key)
            known = {
                id_: record
                for id_, record in self.findings.items()
                if (record.target, record.check) == key
            }
            folded = fold(known, outcome, evidence, before.verdict if before else None)
            self.findings |= {record.id: record for record in folded.records}
            self.pairs[key] = latest_pair(before, outcome, evidence)


class Answers:
    """Random results; most repeat the one before."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311  # no secret
        self.last: dict[tuple[str, str], CheckOutcome] = {}

    def of(self, target: str, run: int) -> Result:
        """The result of a run for a target."""
        outcomes = [self._outcome(target, check) for check in ("c1", "c2")]
        at = minutes(60 * run)
        return result(target, *outcomes, sequence=run, run_id=f"r{run}", at=at, epoch=target)

    def _outcome(self, target: str, check: str) -> CheckOutcome:
        key = (target, check)
        if key not in self.last or self.random.random() < 0.3:
            self.last[key] = self._another(check)
        return self.last[key]

    def _another(self, check: str) -> CheckOutcome:
        pick = self.random.choice
        kind = pick([Outcome.PASSED, Outcome.FAILED, Outcome.FAILED, Outcome.ERROR])
        if kind is Outcome.ERROR:
            return CheckOutcome(check=check, outcome=kind, kind=Kind.UNREACHABLE, reason=pick("ab"))
        found = [
            Finding(key=key, severity=pick(list(Severity)), summary=key, labels={"database": key})
            for key in ("k1", "billing")
            if kind is Outcome.FAILED and self.random.random() < 0.8
        ]
        return CheckOutcome(
            check=check,
            outcome=Outcome.FAILED if found else Outcome.PASSED,
            findings=tuple(found),
            parts_not_checked=pick([(), (), (LEFT_OUT,)]),
        )


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_store_is_as_if_every_outcome_and_finding_were_written_in_full(
    seed: int, store: Store
) -> None:
    answers, known = Answers(seed), Known()
    late: list[Result] = []
    for run in range(1, RUNS + 1):
        await planned(*TARGETS, run_id=f"r{run}", store=store, now=minutes(60 * run))
        for target in TARGETS:
            one = answers.of(target, run)
            # Some come after those of later runs, which they must not replace.
            if answers.random.random() < 0.2:
                late.append(one)
                continue
            await known.record(store, one)
        if late and answers.random.random() < 0.5:
            await known.record(store, late.pop())
        pairs = await store.read(lambda ledger: ledger.outcomes.of_targets(TARGETS))
        assert {(one.target, one.check): one for one in pairs} == known.pairs, f"run {run}"
        found = await store.read(lambda ledger: ledger.findings.of_targets(TARGETS))
        assert {one.id: one for one in found} == known.findings, f"run {run}"
    assert known.findings


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_a_batch_that_is_written_in_parts_is_as_if_written_at_once(
    seed: int, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers, whole = Answers(seed), MemoryStore()
    batch: list[Result] = []
    for run in range(1, RUNS + 1):
        for filled in (store, whole):
            await planned(*TARGETS, run_id=f"r{run}", store=filled, now=minutes(run))
        batch += [answers.of(target, run) for target in TARGETS]
    at = minutes(60 * RUNS)
    await recorded(whole, *batch, now=at)
    monkeypatch.setattr(recording, "MAX_UNWRITTEN", 1 + seed)  # outcomes
    await recorded(store, *batch, now=at)
    assert await latest(store) == await latest(whole)


async def latest(store: Store) -> tuple[dict[tuple[str, str], Pair], dict[str, FindingRecord]]:
    """What is known of the targets now."""

    def read(ledger: Ledger) -> tuple[list[Pair], list[FindingRecord]]:
        return ledger.outcomes.of_targets(TARGETS), ledger.findings.of_targets(TARGETS)

    pairs, findings = await store.read(read)
    return {(one.target, one.check): one for one in pairs}, {one.id: one for one in findings}
