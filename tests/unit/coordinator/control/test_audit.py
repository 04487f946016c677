"""Who did what: every change is recorded, by whichever way it came, and nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger, StoreFullError
from stt_shared.bus.memory import MemoryBroker
from stt_shared.protocol.audit import AuditReply, AuditRequest
from stt_shared.protocol.control import (
    CheckSwitchRequest,
    RunReply,
    RunRequest,
    SwitchReply,
    SwitchRequest,
    Verb,
)
from stt_shared.protocol.enums import Role, Severity
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeveritySetRequest,
    SuppressionReply,
    UnacceptRequest,
)
from tests.support.coordinator.coordination import (
    FakeWorker,
    ask,
    at_work,
    enable,
    finished,
    running,
)
from tests.support.coordinator.visitors import (
    HTML,
    Client,
    bearing,
    login_with,
    tokens_in,
    visiting,
)

T = TypeVar("T")


async def test_every_change_over_nats_is_recorded_once_and_looking_is_not() -> None:
    broker, store = MemoryBroker(), MemoryStore()
    bus = broker.connect()
    async with running(broker.connect(), store), at_work(FakeWorker(bus=broker.connect())):
        begun = await enable(bus)
        await enable(bus)  # twice is once
        await finished(bus, begun.run_id)
        again = RunRequest(by="bob", targets=("t1",), checks=("mysql_empty_password",))
        run = (await ask(bus, Verb.RUN, again, RunReply)).run.run_id
        off = CheckSwitchRequest(check="mysql_version", by="bob", reason="noise")
        await ask(bus, Verb.CHECK_DISABLE, off, SwitchReply)
        count_as = SeveritySetRequest(
            check="mysql_version", site="eu-west", severity=Severity.TRIVIAL, reason="lab", by="eve"
        )
        await ask(bus, Verb.SEVERITY_SET, count_as, SuppressionReply)
        made = await ask(bus, Verb.ACCEPT, accepting(dry_run=True), SuppressionReply)
        made = await ask(bus, Verb.ACCEPT, accepting(), SuppressionReply)
        back = UnacceptRequest(id=made.exception.id, by="bob", reason="gone")
        await ask(bus, Verb.UNACCEPT, back, SuppressionReply)
        await ask(bus, Verb.DISABLE, SwitchRequest(by="ann", reason="night"), SwitchReply)
        reply = await ask(bus, Verb.AUDIT, AuditRequest(), AuditReply)
    reported = [(one.by, one.did, one.what, one.reason) for one in reversed(reply.entries)]
    x = made.exception.id
    assert [one for one in reported if one[1] != "severity-set"] == [
        ("test", "enable", "", "CHG-1"),
        ("bob", "run", f"{run} of t1, mysql_empty_password", ""),
        ("bob", "check-disable", "mysql_version", "noise"),
        ("ann", "accept", f"{x}: mysql_empty_password on t1", "proxy only"),
        ("bob", "unaccept", f"{x}: mysql_empty_password on t1", "gone"),
        ("ann", "disable", "", "night"),
    ]
    assert reported[3][:2] == ("eve", "severity-set")
    assert {one.way for one in reply.entries} == {"cli"}
    assert {one.role for one in reply.entries} == {None}


def accepting(*, dry_run: bool = False) -> AcceptRequest:
    from datetime import timedelta  # noqa: PLC0415  # as below

    from stt_shared import clock  # noqa: PLC0415  # the day counts from today

    return AcceptRequest(
        until=(clock.now() + timedelta(days=9)).date(),
        check="mysql_empty_password",
        target="t1",
        reason="proxy only",
        by="ann",
        dry_run=dry_run,
    )


async def by_form(client: Client, path: str, page: str, **fields: str) -> None:
    shown = await client.get(page, headers=HTML)
    field = re.search(r'name="_csrf_token" value="([^"]+)"', shown.text)
    assert field is not None
    sent = {"_csrf_token": field[1], **fields}
    answer = await client.post(path, data=sent, headers=HTML, follow_redirects=False)
    assert answer.status_code == 303, answer.text


async def test_the_page_and_the_interface_record_who_and_which_way_and_show_it(
    tmp_path: Path,
) -> None:
    tokens = tokens_in(tmp_path / "tokens", ann=Role.ADMIN, bob=Role.ADMIN)
    async with visiting(login_with(tmp_path / "tokens")) as client:
        await by_form(client, "/login", "/login", token=tokens["ann"])
        await by_form(client, "/enable", "/settings", by="somebody", reason="CHG-<2>")
        sent = {"by": "somebody", "reason": "noise"}
        path = "/api/v1/checks/mysql_version/disable"
        done = await client.post(path, json=sent, headers=bearing(tokens["bob"]))
        assert done.status_code == 200
        refused = await client.post(
            "/api/v1/checks/nope/disable", json=sent, headers=bearing(tokens["bob"])
        )
        assert refused.status_code == 404
        reply = (await client.get("/api/v1/audit", headers=bearing(tokens["bob"]))).json()
        reported = [(e["by"], e["role"], e["way"], e["did"], e["what"]) for e in reply["entries"]]
        assert reported == [
            ("bob", "admin", "api", "check-disable", "mysql_version"),
            ("ann", "admin", "page", "enable", ""),
        ]
        page = (await client.get("/settings", headers=HTML)).text
        assert "CHG-&lt;2&gt;" in page
        assert "check-disable" in page


async def test_without_a_log_in_the_given_name_is_recorded() -> None:
    async with visiting() as client:
        await by_form(client, "/enable", "/settings", by="ann", reason="CHG-1")
        (entry,) = (await client.get("/api/v1/audit")).json()["entries"]
        assert (entry["by"], entry["role"], entry["way"]) == ("ann", None, "page")


async def test_the_record_comes_in_pages() -> None:
    async with visiting() as client:
        for _ in range(3):
            for word in ("enable", "disable"):
                await client.post(f"/api/v1/{word}", json={"by": "ann"})
        seen: list[str] = []
        after = ""
        while True:
            reply = (await client.get(f"/api/v1/audit?limit=4&after={after}")).json()
            seen += [one["did"] for one in reply["entries"]]
            after = reply["next"]
            if not after:
                break
        assert seen == ["disable", "enable"] * 3


@pytest.mark.parametrize("after", ["x", "-1", "\u0661", "9" * 40])
async def test_an_invalid_cursor_of_the_audit_log_is_refused(after: str) -> None:
    async with visiting() as client:
        answer = await client.get("/api/v1/audit", params={"after": after})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")


class FullAfterwards(MemoryStore):
    """A store that takes in no record."""

    async def transact(self, work: Callable[[Ledger], T]) -> T:
        if "_record" in getattr(work, "__qualname__", ""):
            raise StoreFullError("no room")
        return await super().transact(work)


async def test_a_change_stands_where_the_record_cannot_be_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with visiting(store=FullAfterwards()) as client:
        done = await client.post("/api/v1/enable", json={"by": "ann", "reason": "CHG-1"})
        assert (done.status_code, done.json()["changed"]) == (200, True)
    shown = capsys.readouterr().out
    assert "audit_failed" in shown
    assert "CHG-1" in shown
