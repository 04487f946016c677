"""What every store guarantees of findings in pages and groups."""

from __future__ import annotations

from functools import partial

import pytest

from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.ports.findings import FindingPlace, Grouped
from stt_shared.protocol.enums import (
    Family,
    FindingState,
    Severity,
)
from stt_shared.protocol.findings import FindingsRequest
from tests.support.coordinator.store_rows import (
    HOUR,
    NOW,
    accepted,
    check,
    finding,
    target,
)


async def test_findings_come_most_severe_first_then_oldest_in_pages(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check()])
        ledger.fleet.put_targets([target()])
        ledger.findings.put(
            [
                finding("f_a", severity=Severity.TRIVIAL),
                finding("f_b", severity=Severity.CRITICAL, since=NOW + HOUR),
                finding("f_c", severity=Severity.CRITICAL),
                finding("f_d", state=FindingState.RESOLVED, resolved_at=NOW),
            ]
        )

    await store.transact(write)
    query = FindingsRequest(limit=2)
    found, total = await store.read(lambda ledger: ledger.findings.page(query))
    assert ([one.id for one in found], total) == (["f_c", "f_b"], 3)
    query = FindingsRequest(severities=(Severity.TRIVIAL,), targets=("t1",), checks=("c1",))
    found, total = await store.read(lambda ledger: ledger.findings.page(query))
    assert ([one.id for one in found], total) == (["f_a"], 1)
    query = FindingsRequest(state="resolved", families=(Family.MYSQL,), sites=("eu",))
    found, total = await store.read(lambda ledger: ledger.findings.page(query))
    assert ([one.id for one in found], total) == (["f_d"], 1)
    query = FindingsRequest(sites=("us",))
    assert await store.read(lambda ledger: ledger.findings.page(query)) == ([], 0)
    like = await store.read(lambda ledger: ledger.findings.with_prefix("f_", 2))
    assert [one.id for one in like] == ["f_a", "f_b"]
    assert await store.read(lambda ledger: ledger.findings.with_prefix("%", 2)) == []


@pytest.mark.parametrize("by", ["check", "target", "site"])
async def test_groups_count_current_findings_worst_first(store: Store, by: str) -> None:
    def work(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("a"), check("b")])
        ledger.fleet.put_targets([target("t1"), target("t2")])
        ledger.findings.put(
            [
                finding("f_1", target="t1", check="a", severity=Severity.MAJOR),
                finding("f_2", target="t2", check="a", severity=Severity.MAJOR),
                finding("f_3", target="t2", check="b", severity=Severity.CRITICAL),
                finding("f_4", target="t2", check="b", state=FindingState.RESOLVED),
            ]
        )

    await store.transact(work)
    found = await store.read(lambda ledger: ledger.findings.group(by, 10))
    counted = [(g.name, g.findings, g.targets, g.critical, g.major, g.trivial) for g in found]
    assert (
        counted
        == {
            "check": [("b", 1, 1, 1, 0, 0), ("a", 2, 2, 0, 2, 0)],
            "target": [("t2", 2, 1, 1, 1, 0), ("t1", 1, 1, 0, 1, 0)],
            "site": [("eu", 3, 2, 1, 2, 0)],
        }[by]
    )
    assert len(await store.read(lambda ledger: ledger.findings.group(by, 1))) == 1
    for asked, number in (
        (FindingsRequest(severities=(Severity.MAJOR,)), 2),
        (FindingsRequest(targets=("t2",), state="resolved"), 2),
        (FindingsRequest(checks=("b",)), 1),
        (FindingsRequest(sites=("mars",)), 0),
    ):
        groups = await store.read(partial(_groups, by=by, asked=asked))
        assert sum(group.findings for group in groups) == number, asked


def _groups(ledger: Ledger, by: str, asked: FindingsRequest) -> list[Grouped]:
    return ledger.findings.group(by, 10, asked)


async def test_accepted_findings_are_counted_and_listed_separately(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check("c1"), check("off", enabled=False)])
        ledger.fleet.put_targets([target("t1"), target("t2", gone=True)])
        ledger.findings.put(
            [
                finding("f_open"),
                finding("f_kept", accepted=accepted(), severity=Severity.CRITICAL),
                finding("f_gone", accepted=accepted(), target="t2"),
                finding("f_off", accepted=accepted(), check="off"),
                finding("f_past", state=FindingState.RESOLVED, resolved_at=NOW),
            ]
        )

    await store.transact(write)
    by_state: dict[str, list[str]] = {}
    for state in ("open", "accepted"):
        query = FindingsRequest(state=state)
        found, total = await store.read(lambda ledger, query=query: ledger.findings.page(query))  # type: ignore[misc]
        by_state[state] = [one.id for one in found]
        assert total == len(found)
    assert by_state == {"open": ["f_open"], "accepted": ["f_kept"]}
    narrow = FindingsRequest(state="accepted", severities=(Severity.MAJOR,))
    assert await store.read(lambda ledger: ledger.findings.page(narrow)) == ([], 0)
    tallies = await store.read(lambda ledger: ledger.counts.tallies())
    assert list(tallies.accepted) == [("eu", Family.MYSQL, Severity.CRITICAL, 1)]
    assert list(tallies.findings) == [("eu", Family.MYSQL, Severity.MAJOR, 1)]
    through = await store.read(lambda ledger: ledger.findings.count_accepted(["x_a", "x_b"]))
    assert through == {"x_a": 1}
    groups = await store.read(lambda ledger: ledger.findings.group("check", 9))
    assert [(one.name, one.findings) for one in groups] == [("c1", 1)]


async def test_findings_are_found_by_their_ids_and_by_their_check(store: Store) -> None:
    past = finding("f_past", state=FindingState.RESOLVED, resolved_at=NOW)
    kept = finding("f_kept", accepted=accepted())
    await store.transact(
        lambda ledger: ledger.findings.put([past, kept, finding("f_x", check="c")])
    )
    assert await store.read(lambda ledger: ledger.findings.by_id(["f_past", "f_no"])) == [past]
    assert await store.read(lambda ledger: ledger.findings.of_check("c1")) == [kept]


async def test_a_page_goes_on_after_a_place_whose_finding_is_gone(store: Store) -> None:
    def write(ledger: Ledger) -> None:
        ledger.fleet.replace_checks([check()])
        ledger.fleet.put_targets([target()])
        ledger.findings.put([finding("f_a", since=None), finding("f_b"), finding("f_d")])

    await store.transact(write)
    query = FindingsRequest(limit=9)
    beyond = FindingPlace.of(finding("f_c"))
    found, total = await store.read(lambda ledger: ledger.findings.page(query, beyond))
    assert ([one.id for one in found], total) == (["f_d"], 3)
    found, _ = await store.read(lambda ledger: ledger.findings.page(query))
    assert [one.id for one in found] == ["f_a", "f_b", "f_d"]
