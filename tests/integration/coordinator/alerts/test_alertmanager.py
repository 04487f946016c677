"""Alerts pushed to a real Alertmanager: taken, grouped by stable labels, kept, ended."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stt_coordinator.alerts.alertmanager import Push
from stt_coordinator.alerts.post import ChannelError, Poster, trusted
from stt_coordinator.local.servers.process import Running, free_port
from stt_coordinator.store.memory.store import MemoryStore
from stt_coordinator.store.port import Ledger
from stt_shared import clock
from stt_shared.protocol.enums import FindingState
from stt_shared.settings.alerts import AlertSettings
from tests.servers import prometheus
from tests.servers.fixtures import serving
from tests.support.alerts.alertmanager import CONFIG
from tests.support.coordinator.fleet import fill


@pytest.fixture
def manager(servers_folder: Path) -> Iterator[Running]:
    """An Alertmanager of its own: alerts of other tests would be found in it."""
    folder = servers_folder / "alertmanager"
    with serving("alertmanager", lambda: prometheus.start_alertmanager(folder, CONFIG)) as running:
        yield running


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """A channel to the Alertmanager, over a store with two critical findings of target t1."""

    push: Push
    store: MemoryStore
    url: str

    def alerts(self) -> dict[str, dict[str, Any]]:
        """What Alertmanager holds as firing, by finding."""
        address = f"{self.url}/api/v2/alerts"
        with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  # loopback
            held = json.load(reply)
        return {one["labels"].get("finding_id", ""): one for one in held}


@pytest.fixture
async def fixture(manager: Running) -> Fixture:
    url = f"http://127.0.0.1:{manager.port}"
    store = MemoryStore()
    await store.transact(opened)
    settings = AlertSettings(alertmanager=(url,), page_url="https://stt.example")
    return Fixture(push=Push(settings, store, Poster(trusted(""))), store=store, url=url)


def opened(ledger: Ledger) -> None:
    fill(ledger)
    hour_ago = clock.now() - timedelta(hours=1)
    records = ledger.findings.with_prefix("f_", 9)
    ledger.findings.put(msgspec.structs.replace(one, since=hour_ago) for one in records)


def resolve(ledger: Ledger) -> None:
    (record,) = ledger.findings.with_prefix("f_1", 1)
    state = {"state": FindingState.RESOLVED, "resolved_at": clock.now()}
    ledger.findings.put([msgspec.structs.replace(record, **state)])


async def test_open_findings_become_alerts_that_last_four_intervals(fixture: Fixture) -> None:
    before = clock.now()
    assert await fixture.push.step() == ""
    held = fixture.alerts()
    assert held.keys() == {"f_1", "f_2"}
    one = held["f_1"]
    assert one["labels"]["alertname"] == "SttFailedCheck"
    assert one["labels"]["severity"] == "critical"
    assert one["generatorURL"] == "https://stt.example/findings/f_1"
    assert one["status"]["state"] in ("active", "unprocessed")
    lasts = datetime.fromisoformat(one["endsAt"]) - before
    assert timedelta(seconds=239) < lasts < timedelta(seconds=300)


async def test_sending_again_prolongs_the_same_alert(fixture: Fixture) -> None:
    await fixture.push.step()
    first = fixture.alerts()["f_1"]
    await fixture.push.step()
    second = fixture.alerts()["f_1"]
    assert (second["fingerprint"], second["startsAt"]) == (first["fingerprint"], first["startsAt"])
    assert second["endsAt"] > first["endsAt"]


async def test_a_resolved_finding_ends_its_alert_at_once_and_alone(fixture: Fixture) -> None:
    await fixture.push.step()
    await fixture.store.transact(resolve)
    await fixture.push.step()
    assert fixture.alerts().keys() == {"f_2"}
    await fixture.push.step()
    assert fixture.alerts().keys() == {"f_2"}, "the end is sent again"


async def test_a_finding_that_is_open_again_fires_again(fixture: Fixture) -> None:
    await fixture.push.step()
    await fixture.store.transact(resolve)
    await fixture.push.step()
    await fixture.store.transact(opened)
    await fixture.push.step()
    assert fixture.alerts().keys() == {"f_1", "f_2"}


async def test_a_restarted_alertmanager_has_every_alert_after_the_next_push(
    fixture: Fixture, manager: Running
) -> None:
    await fixture.push.step()
    manager.kill()
    with pytest.raises(ChannelError, match="cannot be reached"):
        await fixture.push.step()
    manager.start()
    await fixture.push.step()
    assert fixture.alerts().keys() == {"f_1", "f_2"}


async def test_a_refusal_by_alertmanager_is_reported_in_its_words(manager: Running) -> None:
    poster = Poster(trusted(""))
    url = f"http://127.0.0.1:{manager.port}/api/v2/alerts"
    with pytest.raises(ChannelError, match="answers 400"):
        await poster(url, b'[{"labels": {"": "no name"}}]', {})


async def test_an_unreachable_address_is_reported_without_a_traceback() -> None:
    with pytest.raises(ChannelError, match=r"cannot be reached \(connection refused\)"):
        await Poster(trusted(""))(f"http://127.0.0.1:{free_port()}/", b"[]", {})


async def test_a_proxy_that_cannot_be_used_is_a_refusal_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(ChannelError, match="socks"):
        await Poster(trusted(""))("http://alertmanager.example/", b"[]", {})
