"""The overview and groups of findings: the same over NATS and HTTP; unknown names are errors."""

from __future__ import annotations

import msgspec
import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol.control import Empty, Verb
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.queries.overview import (
    FindingGroupBy,
    FindingGroupsReply,
    FindingGroupsRequest,
    OverviewReply,
    OverviewState,
)
from tests.support.coordinator.coordination import ask
from tests.support.coordinator.fleet import fill, finding
from tests.support.coordinator.visitors import JSON, visiting


def failed(ledger: Ledger) -> None:
    """Findings of a check that the coordinator knows, beside everything that metrics count."""
    fill(ledger)
    found = (
        finding("f_8", "t1", "eu", Severity.CRITICAL),
        finding("f_9", "t1", "eu", Severity.TRIVIAL),
    )
    check = "mysql_empty_password"
    ledger.findings.put(msgspec.structs.replace(one, check=check) for one in found)


async def filled() -> MemoryStore:
    store = MemoryStore()
    await store.transact(failed)
    return store


async def test_the_overview_is_the_same_over_nats_and_http() -> None:
    broker = MemoryBroker()
    async with visiting(store=await filled(), bus=broker.connect()) as client:
        reply = await ask(broker.connect(), Verb.OVERVIEW, Empty(), OverviewReply)
        found = (await client.get("/api/v1/overview")).json()
        assert reply.state is OverviewState.NEVER
        assert found["state"] == "never"
        numbers = {one.severity: one.now for one in reply.numbers}
        assert numbers == {one["severity"]: one["now"] for one in found["numbers"]}
        counts = reply.status.summary.counts
        assert numbers[Severity.CRITICAL] == counts.critical > 0
        assert [one.name for one in reply.sites] == [one["name"] for one in found["sites"]]


@pytest.mark.parametrize("by", FindingGroupBy)
async def test_groups_hold_every_open_finding_once(by: FindingGroupBy) -> None:
    broker = MemoryBroker()
    async with visiting(store=await filled(), bus=broker.connect()) as client:
        request = FindingGroupsRequest(by=by)
        reply = await ask(broker.connect(), Verb.FINDING_GROUPS, request, FindingGroupsReply)
        found = (await client.get(f"/api/v1/finding-groups?by={by}")).json()
        assert [one["name"] for one in found["groups"]] == [one.name for one in reply.groups]
        total = (await client.get("/api/v1/findings")).json()["total"]
        assert sum(one.findings for one in reply.groups) == total > 0


async def test_groups_of_an_unknown_name_are_an_error_and_not_empty() -> None:
    async with visiting(store=await filled()) as client:
        for filters, code in (
            ("site=mars", "unknown_site"),
            ("target=nope", "unknown_target"),
            ("check=nope", "unknown_check"),
        ):
            answer = await client.get(f"/api/v1/finding-groups?{filters}", headers=JSON)
            assert (answer.status_code, answer.json()["code"]) == (404, code)
        odd = await client.get("/api/v1/finding-groups?by=colour", headers=JSON)
        assert odd.status_code == 400
