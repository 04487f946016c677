"""A target that moves takes its findings along, and nothing that was learned where it was."""

from __future__ import annotations

from stt_coordinator.domain.model import JobState, TargetRecord
from stt_coordinator.domain.target_life import TargetChanges
from stt_coordinator.ledger.targets import apply_changes
from stt_coordinator.store.port import Store
from stt_shared.protocol.enums import Family, FindingState
from stt_shared.protocol.records import FindingRecord
from tests.support.coordinator.coordination import NOW, failed, passed
from tests.support.coordinator.ledgers import (
    job_of,
    leaving,
    minutes,
    planned,
    recorded,
    result,
    run_of,
    target_of,
)


async def moved(store: Store, site: str, family: Family = Family.MYSQL) -> None:
    row = TargetRecord(target="t1", family=family, site=site, first_seen=NOW, workers=("w3",))
    changes = TargetChanges(targets=[row], events=[], moved=("t1",))
    await store.transact(lambda ledger: apply_changes(ledger, changes, minutes(5)))


async def findings(store: Store) -> list[FindingRecord]:
    return await store.read(lambda ledger: ledger.findings.of_targets(["t1"]))


async def test_findings_of_a_target_that_moved_stay_open_at_its_new_site() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", failed("c1"), passed("c2")))
    await moved(store, "us")
    (found,) = await findings(store)
    assert (found.site, found.state) == ("us", FindingState.OPEN)
    assert await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"])) == []


async def test_findings_of_a_target_that_is_of_another_type_are_resolved_and_say_why() -> None:
    store = await planned("t1")
    await recorded(store, result("t1", failed("c1"), passed("c2")))
    await moved(store, "eu", Family.MONGODB)
    (found,) = await findings(store)
    assert found.state is FindingState.RESOLVED
    (_, last) = await store.read(lambda ledger: ledger.history.of_finding(found.id, 9))
    assert last.reason == "the database is of another type now"
    assert len(await leaving(store, "event.finding.resolved")) == 1


async def test_a_job_of_the_old_place_ends_with_the_move_and_its_late_result_says_nothing() -> None:
    store = await planned("t1")
    await moved(store, "us")
    assert (await job_of(store)).state is JobState.UNANSWERED
    assert (await run_of(store)).state == "finished"
    await recorded(store, result("t1", failed("c1"), passed("c2"), at=minutes(9)))
    assert await findings(store) == []
    assert await store.read(lambda ledger: ledger.outcomes.of_targets(["t1"])) == []
    assert (await target_of(store)).state == "never"
