"""The page's application over a coordinator in the same process: no socket, no browser."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from stt_coordinator.control.views.overview import state_of
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.web.serve import address_of
from stt_shared import clock
from stt_shared.errors import ConfigError
from stt_shared.protocol.control import StatusReply
from stt_shared.protocol.messages import ControlState
from stt_shared.protocol.records import Counts, RunRecord, Summary
from tests.support.coordinator.coordination import NOW
from tests.support.coordinator.visitors import HTML, JSON, visiting


async def test_every_answer_forbids_what_comes_from_elsewhere() -> None:
    async with visiting() as client:
        for path in (
            "/",
            "/findings",
            "/panel",
            "/panel.svg",
            "/api/v1/status",
            "/nope",
            "/static/style.css",
        ):
            answer = await client.get(path)
            assert answer.headers["content-security-policy"].startswith("default-src 'self';"), path
            assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_program_gets_the_same_reply_as_over_nats() -> None:
    async with visiting() as client:
        status = (await client.get("/api/v1/status")).json()
        assert (status["schema"], status["state"]["enabled"]) == (
            "stt.control.status-reply/v1",
            False,
        )
        done = await client.post("/api/v1/enable", json={"by": "ann", "reason": "CHG-1"})
        assert (done.status_code, done.json()["changed"]) == (200, True)
        assert (await client.get("/api/v1/status")).json()["state"]["by"] == "ann"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/findings/f_none", 404, "unknown_finding"),
        ("GET", "/api/v1/findings?check=nope", 404, "unknown_check"),
        ("GET", "/api/v1/findings?state=odd", 400, "bad_request"),
        ("GET", "/api/v1/findings?limit=0", 400, "http_400"),
        ("GET", "/api/v1/findings?severity=odd", 400, "http_400"),
        ("GET", "/api/v1/nothing", 404, "http_404"),
        ("POST", "/api/v1/runs", 409, "disabled"),
        ("POST", "/api/v1/checks/nope/disable", 404, "unknown_check"),
        ("POST", "/api/v1/exceptions", 400, "http_400"),
        ("GET", "/api/v1/exceptions?state=odd", 400, "bad_request"),
        ("DELETE", "/api/v1/status", 405, "http_405"),
    ],
)
async def test_a_refusal_is_a_problem_document_with_its_code(
    method: str, path: str, status: int, code: str
) -> None:
    async with visiting() as client:
        body: Any = {} if method == "POST" else None
        answer = await client.request(method, path, headers=JSON, json=body)
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.status_code, problem["status"], problem["code"]) == (status, status, code)
        assert problem["type"] == f"urn:stt:{code}"
        assert problem["detail"]


async def test_a_person_gets_a_page_with_the_same_status() -> None:
    async with visiting() as client:
        answer = await client.get("/findings/f_none", headers=HTML)
        assert answer.status_code == 404
        assert "unknown finding &#39;f_none&#39;" in answer.text


async def test_a_form_of_another_site_changes_nothing() -> None:
    async with visiting() as client:
        forget = ("/targets/t1/forget", "/targets/t1/move", "/workers/w1/forget")
        several = ("/targets/forget", "/workers/forget")
        forms = ("/enable", "/disable", "/runs", "/checks/c1", "/accepted", "/severities")
        for path in (*forms, *forget, *several):
            answer = await client.post(path, data={"by": "x", "to": "off"}, headers=HTML)
            assert answer.status_code == 403, path
        text = '{"by":"x"}'
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            headers = {"content-type": kind}
            answer = await client.post("/api/v1/enable", content=text, headers=headers)
            assert answer.status_code == 415, kind
        assert not (await client.get("/api/v1/status")).json()["state"]["enabled"]


async def test_what_a_name_holds_is_text_and_never_markup() -> None:
    async with visiting() as client:
        path = "/findings?site=%3Cscript%3Ealert(1)%3C/script%3E"
        answer = await client.get(path, headers=HTML)
        assert "<script>alert" not in answer.text
        assert "&lt;script&gt;alert" in answer.text


async def test_alive_ready_version_and_badge() -> None:
    async with visiting() as client:
        assert (await client.get("/healthz")).text == "ok"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["wrong"]) == (200, [])
        assert (await client.get("/version")).json()["version"]
        badge = await client.get("/panel.svg")
        assert badge.headers["content-type"].startswith("image/svg+xml")
        assert "checks are off" in badge.text


async def test_the_interface_describes_itself() -> None:
    async with visiting() as client:
        status_reply = (await client.get("/schema/openapi.json")).json()
        paths = [path for path in status_reply["paths"] if path.startswith("/api/v1/")]
        assert len(paths) >= 12
        assert "/findings" not in status_reply["paths"]


@pytest.mark.parametrize("listen", ["127.0.0.1:8642", "[::1]:80", "localhost:1", "127.9.9.9:65535"])
def test_addresses_of_this_machine_are_taken(listen: str) -> None:
    assert address_of(listen)[1] > 0


@pytest.mark.parametrize("listen", ["0.0.0.0:80", "[::]:80", "10.0.0.5:80", "db.example:80"])
def test_an_address_that_others_reach_is_refused_without_a_log_in(listen: str) -> None:
    with pytest.raises(ConfigError, match="no log-in is configured"):
        address_of(listen)


@pytest.mark.parametrize("listen", ["8642", "127.0.0.1", "127.0.0.1:", ":80", "127.0.0.1:99999"])
def test_an_address_that_is_none_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match="expected host:port"):
        address_of(listen)


def status_reply(*, run: RunRecord | None = None, on: bool = True, **counts: int) -> StatusReply:
    numbers = Counts(**({"targets": 2, "targets_checked": 2} | counts))
    state = ControlState(enabled=on, since=NOW)
    return StatusReply(
        state=state,
        summary=Summary(counts=numbers, as_of=NOW, enabled=on, since=NOW, last_run=run),
    )


def ran(hours_ago: float = 1, state: str = "finished", schedule: str = "standard") -> RunRecord:
    slot = NOW - timedelta(hours=hours_ago)
    return RunRecord(run_id="r", schedule=schedule, slot=slot, state=state)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (StatusReply(state=ControlState(), summary=status_reply().summary), "never"),
        (status_reply(on=False, run=ran()), "off"),
        (status_reply(targets=0), "empty"),
        (status_reply(), "first"),
        (status_reply(run=ran(state="running", schedule="enable")), "first"),
        (status_reply(run=ran(hours_ago=27)), "overdue"),
        (status_reply(run=ran(), trivial=1), "findings"),
        (status_reply(run=ran(), not_checked=1), "partial"),
        (status_reply(run=ran(), passed=9, parts_not_checked=1), "partial"),
        (status_reply(run=ran(), passed=9), "clear"),
    ],
)
def test_each_state_has_its_name_and_green_needs_everything_checked(
    status: StatusReply, state: str
) -> None:
    assert state_of(status, NOW) == state


async def test_trends_are_asked_for_as_over_nats_and_as_a_file() -> None:
    async with visiting() as client:
        found = (await client.get("/api/v1/trends?days=7")).json()
        assert found["schema"] == "stt.control.trends-reply/v1"
        assert len(found["days"]) <= 1  # today, as soon as somebody counted
        assert [one["fixed"] for one in found["fix_times"]] == [0, 0, 0]
        file = await client.get("/trends.csv")
        assert file.headers["content-type"] == "text/csv; charset=utf-8"
        assert file.text.startswith("day,open_critical,open_major,open_trivial,opened_critical,")
        assert (await client.get("/api/v1/trends?days=0", headers=JSON)).status_code == 400


async def test_what_changed_is_a_page_in_each_state() -> None:
    async with visiting() as client:
        assert "Nothing changed." in (await client.get("/changes", headers=HTML)).text
        wrong = (await client.get("/changes?run_a=x&run_b=%3Cb%3E", headers=HTML)).text
        assert "Unknown run &#39;x&#39;" in wrong
        assert "<b>" not in wrong
        late = (await client.get("/changes?days=90", headers=HTML)).text
        assert "have been deleted" in late


async def test_a_diff_is_asked_for_by_runs_or_by_an_instant() -> None:
    async with visiting() as client:
        found = (await client.get("/api/v1/diff?since=2026-11-02T00:00:00Z")).json()
        assert (found["differences"], found["next"]) == ([], "")
        for asked, status in (
            ("run_a=x&run_b=y", 404),
            ("", 400),
            ("since=soon", 400),
            ("since=2026-11-02T00:00:00", 400),
            ("since=2026-11-02T00:00:00Z&after=nonsense", 400),
        ):
            answer = await client.get(f"/api/v1/diff?{asked}", headers=JSON)
            assert answer.status_code == status


async def test_a_run_whose_details_are_gone_never_reads_like_nothing_changed() -> None:
    found = MemoryStore()
    slot = clock.now() - timedelta(days=31)
    old = msgspec.structs.replace(ran(), run_id="old", number=1, slot=slot, jobs=3, done=3)
    new = msgspec.structs.replace(ran(), run_id="new", number=2, slot=clock.now())
    await found.transact(lambda ledger: ledger.runs.put(old))
    await found.transact(lambda ledger: ledger.runs.put(new))
    async with visiting(store=found) as client:
        text = (await client.get("/runs/old", headers=HTML)).text
        assert "have been deleted" in text
        assert "No changes since" not in text
        assert "No changes since" in (await client.get("/runs/new", headers=HTML)).text
