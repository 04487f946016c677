"""Two coordinators are asked to change something at once, or know different checks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from stt_coordinator.control import control_commands
from stt_coordinator.control.handler_context import HandlerContext
from stt_coordinator.control.log_ins import LogIns
from stt_coordinator.control.queries.checks import list_checks
from stt_coordinator.control.queries.findings import list_findings
from stt_coordinator.control.queries.status import read_status
from stt_coordinator.control.suppressions import commands
from stt_coordinator.store.port import Ledger
from stt_coordinator.web.app import application
from stt_shared import clock
from stt_shared.bus.values import RequestError
from stt_shared.checkfile.catalogue import Catalogue
from stt_shared.protocol.control import CheckSwitchRequest, Empty, RunRequest, SwitchRequest
from stt_shared.protocol.enums import Severity
from stt_shared.protocol.findings import FindingsRequest
from stt_shared.protocol.suppressions import (
    AcceptRequest,
    SeverityResetRequest,
    SeveritySetRequest,
)
from tests.support.coordinator.coordination import SITE, FakeWorker, at_work, finished, until
from tests.support.coordinator.pair import TARGETS, Pair, working
from tests.support.coordinator.visitors import HTML, LOCAL, Client

ASKED = SwitchRequest(by="ann", reason="r")
OFF = ("mysql_empty_password", "mysql_version")


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncGenerator[Pair]:
    async with working(Pair(tmp_path)) as both:
        yield both


async def page_of(context: HandlerContext) -> Client:
    log_ins = LogIns(context.store)
    app = application(context, None, log_ins=log_ins, form_key=await log_ins.form_key())
    return Client(app, LOCAL)


def switch(check: str) -> CheckSwitchRequest:
    return CheckSwitchRequest(by="ann", check=check)


def enabled(ledger: Ledger) -> dict[str, bool]:
    return {one.check: one.enabled for one in ledger.fleet.checks()}


@pytest.mark.parametrize("slow", ["a", "b"])
async def test_of_two_checks_that_are_switched_off_at_once_both_are(pair: Pair, slow: str) -> None:
    link, quick = pair.links[slow], "b" if slow == "a" else "a"
    link.open.clear()
    first = asyncio.create_task(control_commands.disable_check(pair.contexts[slow], switch(OFF[0])))
    await link.waits.wait()  # its state is written, its transaction is not
    await control_commands.disable_check(pair.contexts[quick], switch(OFF[1]))
    link.open.set()
    await first
    found = await pair.store.read(enabled)
    assert not any(found[name] for name in OFF)
    kept = await pair.store.read(lambda ledger: ledger.fleet.control_state())
    assert kept is not None
    assert kept.disabled_checks == OFF


async def test_what_one_changed_the_other_answers_to_the_next_request(pair: Pair) -> None:
    a, b = pair.contexts["a"], pair.contexts["b"]
    for changed, asked in ((a, b), (b, a)):
        await control_commands.enable(changed, ASKED)
        assert (await read_status(asked, Empty())).state.enabled
        await control_commands.disable(changed, ASKED)
        assert not (await read_status(asked, Empty())).state.enabled
        await control_commands.disable_check(changed, switch(OFF[0]))
        off = {one.check for one in (await list_checks(asked, Empty())).checks if not one.enabled}
        assert off == {OFF[0]}
        await control_commands.enable_check(asked, switch(OFF[0]))
        assert all(one.enabled for one in (await list_checks(changed, Empty())).checks)


async def test_an_older_pack_of_another_coordinator_changes_no_check_and_no_outcome(
    pair: Pair,
) -> None:
    bus, b = pair.broker.connect(), pair.contexts["b"]
    async with at_work(FakeWorker(bus=bus, targets=TARGETS[:2])):
        await until(lambda: len(pair.kept.tables.targets) == 2)
        made = await control_commands.enable(pair.contexts["a"], ASKED)
        await finished(bus, made.run_id)

        def known(ledger: Ledger) -> object:
            return ledger.fleet.checks(), ledger.counts.tallies().outcomes

        before = await pair.store.read(known)
        new = b.library.catalogue
        older = {name: one for name, one in new.checks.items() if name != "mysql_version"}
        # As of a source that is behind: another pack, or another release.
        b.library._source = lambda: Catalogue(checks=older)
        await b.library.fetch()
        asked = await control_commands.run(b, RunRequest(by="ann"))
        run = await finished(bus, asked.run.run_id)
        assert (run.done, run.unanswered) == (2, 0)
        assert await pair.store.read(known) == before
        jobs = await pair.store.read(lambda ledger: ledger.jobs.of_run(run.run_id, "", 9))
        assert {tuple(ref.check for ref in job.checks) for job in jobs} == {OFF}
        assert {one.check for one in (await list_checks(b, Empty())).checks} == set(new.checks)
        # By its name it can be asked for and switched, though this one has no text of it.
        asked = await control_commands.run(b, RunRequest(by="ann", checks=("mysql_version",)))
        await finished(bus, asked.run.run_id)
        await control_commands.disable_check(b, switch("mysql_version"))
        assert not (await pair.store.read(enabled))["mysql_version"]
        with pytest.raises(RequestError, match="unknown check"):
            await control_commands.run(b, RunRequest(by="ann", checks=("mysql_nothing",)))
        await until(lambda: any("others than those of the leader" in one for one in b.degraded()))
        leader = pair.contexts["a"]
        await until(lambda: any("b on two: its checks" in one for one in leader.degraded()))


@pytest.mark.parametrize("others", ["fewer", "more", "alias"])
async def test_which_checks_there_are_the_leader_decides_whoever_is_asked(
    pair: Pair, others: str
) -> None:
    bus, b = pair.broker.connect(), pair.contexts["b"]
    new, name = dict(b.library.catalogue.checks), "mysql_version"
    old = {
        "fewer": {one: new[one] for one in new if one != name},
        "more": {**new, "mysql_of_b": replace(new[name], name="mysql_of_b")},
        # Of a release in which the check had another name.
        "alias": {"mysql_of_b": replace(new[name], name="mysql_of_b", aliases=(name,))},
    }[others]
    b.library._source = lambda: Catalogue(checks=old)
    await b.library.fetch()
    until_day = (clock.now() + timedelta(days=9)).date()
    async with at_work(FakeWorker(bus=bus, targets=TARGETS[:1])), await page_of(b) as browser:
        await until(lambda: pair.kept.tables.targets)

        async def asked(check: str) -> None:
            accepted = AcceptRequest(
                by="ann", reason="r", check=check, target=TARGETS[0][0], until=until_day
            )
            assert (await commands.accept(b, accepted)).exception.check == check
            severity = SeveritySetRequest(
                by="ann", reason="r", check=check, site=SITE, severity=Severity.TRIVIAL
            )
            await commands.set_severity(b, severity)
            reset = SeverityResetRequest(by="ann", reason="r", check=check, site=SITE)
            assert (await commands.reset_severity(b, reset)).exception.check == check
            await list_findings(b, FindingsRequest(checks=(check,)))

        await asked(name)
        found = await browser.get(f"/checks/{name}", headers=HTML)
        assert (found.status_code, f"<h1>{name}</h1>" in found.text) == (200, True)
        with pytest.raises(RequestError, match="unknown check"):
            await asked("mysql_of_b")
        with pytest.raises(RequestError, match="unknown check"):
            await list_findings(b, FindingsRequest(checks=("mysql_of_b",)))
        assert (await browser.get("/checks/mysql_of_b", headers=HTML)).status_code == 404
        assert "mysql_of_b" not in (await browser.get("/accepted", headers=HTML)).text


async def test_what_one_changed_the_page_of_the_other_shows_at_once(pair: Pair) -> None:
    a, b = pair.contexts["a"], pair.contexts["b"]
    for changed, asked in ((a, b), (b, a)):
        async with await page_of(asked) as browser:
            for at in ("/checks", f"/checks/{OFF[0]}", "/"):
                await browser.get(at, headers=HTML)  # what it may keep is of before the change
            await control_commands.enable(changed, ASKED)
            await control_commands.disable_check(changed, switch(OFF[0]))
            one = await browser.get(f"/checks/{OFF[0]}", headers=HTML)
            assert "Disabled: its findings are hidden" in one.text
            first = await browser.get("/", headers=HTML)
            assert '<strong class="ok">on<' in first.text
            await control_commands.enable_check(changed, switch(OFF[0]))
            one = await browser.get(f"/checks/{OFF[0]}", headers=HTML)
            assert "Enabled for all databases" in one.text
            await control_commands.disable(changed, ASKED)
            first = await browser.get("/", headers=HTML)
            assert "<strong>off<" in first.text


async def test_the_status_of_both_says_what_becomes_of_results_without_a_nonce(
    tmp_path: Path,
) -> None:
    async with working(Pair(tmp_path, parts={"require_nonce": False})) as pair:
        a, b = pair.contexts["a"], pair.contexts["b"]
        async with at_work(FakeWorker(bus=pair.broker.connect(), targets=TARGETS[:1])) as worker:
            await until(lambda: pair.kept.tables.workers)
            assert a.nonce_rule() == b.nonce_rule() != "are refused"
            await until(lambda: dict(b.skews()) == {worker.name: 0})
            assert worker.name in a.skews()
