"""Lists page by page, links, and entity tags, as programs that poll need them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, Store
from stt_coordinator.store.sqlite.store import open_store
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol.enums import Change, Family, FindingState, Severity
from stt_shared.protocol.records import FindingEvent, FindingRecord, RunRecord
from stt_shared.protocol.suppressions import SuppressionRecord
from tests.support.coordinator.coordination import NOW, FakeWorker, at_work, until
from tests.support.coordinator.visitors import Client, visiting

LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')
LISTS = {
    "/api/v1/findings": ("findings", 7),
    "/api/v1/findings?state=all&severity=major": ("findings", 3),
    "/api/v1/changes?since=2026-11-01T00:00:00Z": ("changes", 7),
    "/api/v1/runs": ("runs", 7),
    "/api/v1/exceptions": ("exceptions", 7),
    "/api/v1/exceptions?state=all": ("exceptions", 7),
    "/api/v1/audit": ("entries", 0),
    "/api/v1/targets": ("targets", 1),
}


def finding(number: int, minutes: int = 0) -> FindingRecord:
    at = NOW + timedelta(minutes=minutes)
    return FindingRecord(
        id=f"f_{number:03}",
        target="t1",
        family=Family.MYSQL,
        site="eu-west",
        check="mysql_version",
        object=None,
        severity=(Severity.CRITICAL, Severity.MAJOR)[number % 2],
        summary="s",
        description="",
        remediation="",
        state=FindingState.OPEN,
        first_seen=at,
        since=at,
        last_confirmed=at,
    )


def seed(ledger: Ledger) -> None:
    findings = [finding(number, number // 3) for number in range(7)]
    ledger.findings.put(findings)
    ledger.history.add(
        FindingEvent(change=Change.OPENED, at=NOW, before=None, after=one, run_id="r")
        for one in findings
    )
    for number in range(7):
        slot = NOW + timedelta(minutes=number // 2)
        ledger.runs.put(
            RunRecord(
                run_id=f"manual-{number}",
                number=number + 1,
                schedule="manual",
                slot=slot,
                state="finished",
            )
        )
    ledger.suppressions.put(
        SuppressionRecord(
            id=f"x_{number}",
            reason="r",
            by="ann",
            created=NOW + timedelta(minutes=number // 2),
            check="mysql_version",
            site=f"s{number}",
            until=NOW.date() + timedelta(days=3_000),
        )
        for number in range(7)
    )


@pytest.fixture(params=["memory", "sqlite"])
async def seeded(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncGenerator[tuple[Client, Store]]:
    broker = MemoryBroker()
    store: Store = MemoryStore() if request.param == "memory" else await open_store(tmp_path)
    await store.transact(seed)
    async with (
        visiting(store=store, bus=broker.connect()) as client,
        at_work(FakeWorker(bus=broker.connect())),
    ):

        async def announced() -> bool:
            return bool((await client.get("/api/v1/targets")).json()["targets"])

        await until(announced)
        yield client, store
    await store.close()


Seeded = tuple[Client, Store]


def links(answer: Any) -> dict[str, str]:
    return {relation: address for address, relation in LINK.findall(answer.headers["link"])}


async def test_following_the_links_gives_every_row_once_in_the_order_of_one_page(
    seeded: Seeded,
) -> None:
    for path, (key, number) in LISTS.items():
        await follow(seeded[0], path, key, number)


async def follow(client: Client, path: str, key: str, number: int) -> None:
    whole = await client.get(path)
    rows: list[Any] = []
    address = f"{path}{'&' if '?' in path else '?'}limit=2"
    while address:
        answer = await client.get(address)
        assert answer.status_code == 200
        page = answer.json()
        rows += page[key]
        assert ("next" in links(answer)) is bool(page["next"])
        assert len(page[key]) == 2 or not page["next"]
        assert "after=" not in links(answer)["first"]
        address = links(answer).get("next", "")
        assert len(rows) <= number
    assert rows == whole.json()[key]
    assert len(rows) == number


async def test_a_row_that_comes_or_goes_meanwhile_moves_no_other(seeded: Seeded) -> None:
    client, store = seeded
    first = await client.get("/api/v1/findings?limit=3")
    seen = [one["id"] for one in first.json()["findings"]]

    def change(ledger: Ledger) -> None:
        gone = ledger.findings.by_id([seen[2]])
        ledger.findings.put(
            msgspec.structs.replace(one, state=FindingState.RESOLVED, since=None, resolved_at=NOW)
            for one in gone
        )
        ledger.findings.put([finding(100, -60)])

    await store.transact(change)
    rest = await client.get(links(first)["next"].replace("limit=3", "limit=100"))
    ids = seen + [one["id"] for one in rest.json()["findings"]]
    assert ids == [f"f_{n:03}" for n in (0, 2, 4, 6, 1, 3, 5)]


WRONG = ("x", "AAAA", "WzEsMl0", "W10", "é", "bnVsbA", "WyJvZGQiLCIiLCIiXQ", "=", "a" * 999)


async def test_what_is_no_cursor_is_refused(seeded: Seeded) -> None:
    client, _ = seeded
    for name in ("findings", "changes", "runs", "exceptions"):
        for after in WRONG:
            answer = await client.get(f"/api/v1/{name}", params={"after": after})
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_request"), after


async def test_an_offset_still_works(seeded: Seeded) -> None:
    client, _ = seeded
    for path, (key, _number) in LISTS.items():
        if key not in ("findings", "changes", "exceptions"):
            continue
        whole = (await client.get(path)).json()[key]
        sign = "&" if "?" in path else "?"
        part = (await client.get(f"{path}{sign}offset=3&limit=2")).json()[key]
        assert part == whole[3:5]


async def test_a_page_has_a_limit(seeded: Seeded) -> None:
    client, _ = seeded
    for name in ("findings", "changes", "runs", "exceptions", "targets", "audit"):
        for limit in (0, -1, 1001, "x"):
            assert (await client.get(f"/api/v1/{name}?limit={limit}")).status_code == 400


async def test_a_client_that_has_the_answer_gets_304(seeded: Seeded) -> None:
    client, store = seeded
    answer = await client.get("/api/v1/findings")
    tag = answer.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{32}"', tag)
    assert answer.headers["cache-control"] == "private, no-cache"
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await client.get("/api/v1/findings", headers={"if-none-match": header})
        assert (again.status_code, again.content) == (304, b""), header
        assert again.headers["etag"] == tag
        assert "content-security-policy" in again.headers
    for header in ('"other"', tag.strip('"'), ""):
        full = await client.get("/api/v1/findings", headers={"if-none-match": header})
        assert (full.status_code, full.content) == (200, answer.content), header
    await store.transact(lambda ledger: ledger.findings.put([finding(50)]))
    changed = await client.get("/api/v1/findings", headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


async def test_errors_and_changes_have_no_tag(seeded: Seeded) -> None:
    client, _ = seeded
    assert "etag" not in (await client.get("/api/v1/findings/f_none")).headers
    done = await client.post("/api/v1/enable", json={"by": "ann"}, headers={"if-none-match": "*"})
    assert done.status_code == 200
    assert "etag" not in done.headers
    assert done.headers["cache-control"] == "no-store"


async def test_a_run_that_nobody_knows_is_404(seeded: Seeded) -> None:
    client, _ = seeded
    answer = await client.get("/api/v1/runs/nope")
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_run")
    one = await client.get("/api/v1/runs/manual-3")
    assert [run["run_id"] for run in one.json()["runs"]] == ["manual-3"]
