"""From a bad database to metrics, Alertmanager, webhook and mail, in one installation."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from stt_coordinator.local.servers.process import Running, free_port
from tests.servers import prometheus
from tests.servers.fixtures import serving
from tests.support.alerts.alertmanager import CONFIG
from tests.support.alerts.mailbox import Box, server
from tests.support.coordinator.hooks import Hook, listening
from tests.support.processes.standalone import Machine

HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listeners:
    """Every receiver of alerts, and where the page is."""

    manager: str
    hook: Hook
    box: Box
    page: str

    def events(self) -> list[dict[str, Any]]:
        """Every event that was posted."""
        return [event for _, body in self.hook.posts for event in json.loads(body)["events"]]

    def alerts(self) -> set[str]:
        """The findings that fire in Alertmanager."""
        return {one["labels"]["finding_id"] for one in json.loads(get(self.manager))}

    def metric(self, name: str) -> float:
        """The sum over every series of a metric."""
        text = get(f"{self.page}/metrics").decode()
        families = text_string_to_metric_families(text)
        return sum(s.value for family in families for s in family.samples if s.name == name)


def get(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as reply:  # noqa: S310  # loopback
        data: bytes = reply.read()
    return data


@pytest.fixture
def listeners(servers_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listeners]:
    """All of them, and an environment that names them."""
    folder, box, page = servers_folder / "alertmanager-whole", Box(), f"{HOST}:{free_port()}"
    start = lambda: prometheus.start_alertmanager(folder, CONFIG)  # noqa: E731  # as everywhere
    with serving("alertmanager", start) as manager, listening() as hook, server(box) as port:
        for name, value in {
            "WEB_LISTEN": page,
            "ALERTS_SEVERITY": "trivial",
            "ALERTS_ALERTMANAGER": f"http://{HOST}:{manager.port}",
            "ALERTS_ALERTMANAGER_EVERY_S": "1",
            "ALERTS_WEBHOOK": hook.url,
            "ALERTS_WEBHOOK_SECRET": "not-a-real-secret",
            "ALERTS_SMTP": f"{HOST}:{port}",
            "ALERTS_SMTP_TLS": "off",
            "ALERTS_MAIL_FROM": "stt@example.com",
            "ALERTS_MAIL_TO": "dba@example.com",
            "ALERTS_MAIL_EVERY_S": "1",
        }.items():
            monkeypatch.setenv(f"STT_{name}", value)
        alerts = f"http://{HOST}:{manager.port}/api/v2/alerts"
        yield Listeners(manager=alerts, hook=hook, box=box, page=f"http://{page}")


def test_a_finding_reaches_everybody_once_and_a_restart_repeats_nothing(
    tmp_path: Path, postgresql: Running, listeners: Listeners
) -> None:
    machine = Machine(tmp_path, postgresql)
    with machine.up():
        machine.stt("enable", "--reason", "test")
        run = machine.stt("run", "--wait", "--fail-on", "none", "--allow-incomplete")
        found = {one["id"] for result in run["results"] for one in result["findings"]}
        assert found
        machine.until(lambda: listeners.alerts() == found)
        machine.until(lambda: {one["finding"]["id"] for one in listeners.events()} == found)
        machine.until(lambda: bool(listeners.box.mails))
        assert listeners.metric("stt_findings") == len(found)
        assert listeners.metric("stt_enabled") == 1
        assert listeners.metric("stt_check_executions_total") > 0
        assert [one for one in machine.stt("status")["degraded"] if "alerts" in one] == []
    with machine.up():
        machine.stt("run", "--wait", "--fail-on", "none", "--allow-incomplete")
        machine.until(lambda: listeners.alerts() == found)
        assert listeners.metric("stt_findings") == len(found)
    ids = [one["id"] for one in listeners.events() if one["change"] == "opened"]
    assert len(ids) == len(set(ids)) == len(found)


def test_a_receiver_that_is_away_is_in_the_status_and_later_gets_everything(
    tmp_path: Path, postgresql: Running, listeners: Listeners
) -> None:
    listeners.hook.says.extend([503] * 1_000)
    machine = Machine(tmp_path, postgresql)
    with machine.up():
        machine.stt("enable", "--reason", "test")
        run = machine.stt("run", "--wait", "--fail-on", "none", "--allow-incomplete")
        found = {one["id"] for result in run["results"] for one in result["findings"]}
        trouble = f"alerts by webhook: {listeners.hook.url} answers 503"
        machine.until(lambda: trouble in machine.stt("status")["degraded"])
        refused = len(listeners.hook.posts)
        listeners.hook.says.clear()
        machine.until(lambda: trouble not in machine.stt("status")["degraded"])
    reported = [json.loads(body)["events"] for _, body in listeners.hook.posts[refused:]]
    assert {event["finding"]["id"] for events in reported for event in events} == found
