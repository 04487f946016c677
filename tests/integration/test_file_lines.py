"""Findings on lines of files in a store that the release before filled, and after lines moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stt_coordinator.store.sqlite import store as sqlite
from stt_coordinator.store.sqlite.file.folder import FILE
from stt_shared.bus.memory import MemoryBroker
from stt_shared.checkfile.catalogue import builtin
from tests.support.coordinator import stores
from tests.support.coordinator.coordination import at_work, finished, running
from tests.support.coordinator.file_lines import ACCEPTED, INSERTED, outcomes, worker
from tools import record_stores

KEPT = ("id", "first_seen", "since", "accepted", "severity")
EVENTS = {"since": "2026-01-01T00:00:00Z"}


def kept(finding: dict[str, Any]) -> list[Any]:
    return [finding.get(name) for name in KEPT]


async def test_findings_by_line_keep_id_acceptance_and_history_when_named_by_text(
    tmp_path: Path,
) -> None:
    stores.make(stores.recorded("lines")[22], tmp_path / FILE)
    broker = MemoryBroker()
    bus = broker.connect()
    store = await sqlite.open_store(tmp_path)
    async with running(bus, store, checks=builtin):
        before = (await record_stores.ask(bus, "findings", {"state": "all"}))["findings"]
        old_run = (await record_stores.ask(bus, "runs", {}))["runs"][0]["run_id"]
        events = (await record_stores.ask(bus, "changes", EVENTS))["changes"]
        # The new rule stands in the line of the accepted one. The second run: nothing flaps.
        async with at_work(worker(broker, await outcomes(is_moved=True))):
            run = await record_stores.ask(bus, "enable", record_stores.BY)
            await finished(bus, run["run_id"])
            run = (await record_stores.ask(bus, "run", {"by": "ann"}))["run"]
            await finished(bus, run["run_id"])
        report = await record_stores.ask(bus, "report", {"run_id": run["run_id"]})
        diff = await record_stores.ask(bus, "diff", {"run_a": old_run, "run_b": run["run_id"]})
        after = (await record_stores.ask(bus, "findings", {"state": "all"}))["findings"]
        later = (await record_stores.ask(bus, "changes", EVENTS))["changes"]
    await store.close()
    old = {one["id"]: one for one in before}
    (new,) = [one for one in after if one["id"] not in old]
    assert INSERTED["address"] in new["object"]
    assert new["summary"].startswith(ACCEPTED)
    assert new.get("accepted") is None
    assert len(old) == 12
    assert [kept(one) for one in after if one is not new] == [
        kept(old[one["id"]]) for one in after if one is not new
    ]
    assert all(one["state"] == "open" for one in after)
    assert not any("pg_hba.conf:" in one["object"] for one in after)
    (accepted,) = [one for one in after if one.get("accepted")]
    assert accepted["summary"].startswith("pg_hba.conf:13 ")
    assert len(later) == len(events) + 1
    # The same ids in the report of the run, its counts, and what is different from the old one.
    reported = [one for result in report["results"] for one in result["findings"]]
    assert {one["id"] for one in reported} == {one["id"] for one in after}
    assert [one["id"] for one in reported if one.get("accepted")] == [accepted["id"]]
    assert report["counts"]["accepted"] == 1
    assert {one["finding"]["id"] for one in diff["differences"]} == {new["id"], accepted["id"]}
