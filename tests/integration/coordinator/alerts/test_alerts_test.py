"""`stt alerts test`: every channel is tried, and each says what happened."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from stt_cli import main
from stt_coordinator.alerts.webhook import signature
from stt_coordinator.local.servers.process import Running, free_port
from tests.servers import prometheus
from tests.servers.certificates import Certificates
from tests.servers.fixtures import serving
from tests.support.alerts.alertmanager import CONFIG
from tests.support.alerts.mailbox import Box, demanding
from tests.support.coordinator.hooks import listening

SECRET = "not-a-real-secret"


@pytest.fixture
def manager(servers_folder: Path) -> Iterator[Running]:
    folder = servers_folder / "alertmanager-test"
    with serving("alertmanager", lambda: prometheus.start_alertmanager(folder, CONFIG)) as running:
        yield running


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings but those of the test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return monkeypatch


def test_every_channel_takes_its_test_and_says_so(
    manager: Running,
    certificates: Certificates,
    environment: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    box = Box()
    with listening() as hook, demanding(box, certificates) as port:
        for name, value in {
            "CA": str(certificates.ca),
            "ALERTMANAGER": f"http://127.0.0.1:{manager.port}",
            "WEBHOOK": f"{hook.url}/secret-path",
            "WEBHOOK_SECRET": SECRET,
            "SMTP": f"127.0.0.1:{port}",
            "SMTP_USER": "stt",
            "SMTP_PASSWORD": "throw-away-of-mail",
            "MAIL_FROM": "stt@example.com",
            "MAIL_TO": "dba@example.com,lead@example.com",
        }.items():
            environment.setenv(f"STT_ALERTS_{name}", value)
        assert main.run(["alerts", "test"]) == 0
    shown = capfd.readouterr().out
    print(shown)
    assert [line.split("\t")[::2][:2] for line in shown.splitlines()[1:]] == [
        ["alertmanager", "ok"],
        ["webhook", "ok"],
        ["mail", "ok"],
    ]
    assert "secret-path" not in shown
    ((headers, body),) = hook.posts
    assert headers["STT-Signature"] == signature(SECRET, headers["STT-Timestamp"], body)
    assert msgspec.json.decode(body) == {"events": [], "test": True, "schema": "stt.webhook/v1"}
    assert [mail["Subject"] for mail in box.mails] == [
        "[STT] Test of the mails of the Security Threat Tool"
    ]
    address = f"http://127.0.0.1:{manager.port}/api/v2/alerts"
    with urllib.request.urlopen(address, timeout=10) as reply:  # loopback
        (alert,) = json.load(reply)
    assert alert["labels"]["alertname"] == "SttTest"


def test_a_channel_that_fails_hides_no_other_and_makes_the_exit_code_4(
    environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with listening() as hook:
        environment.setenv("STT_ALERTS_ALERTMANAGER", nobody)
        environment.setenv("STT_ALERTS_WEBHOOK", hook.url)
        environment.setenv("STT_ALERTS_WEBHOOK_SECRET", SECRET)
        assert main.run(["alerts", "test", "-o", "json"]) == 4
    out, err = capfd.readouterr()
    first, second = json.loads(out)["channels"]
    assert (first["taken"], second["taken"]) == (False, True)
    assert first["said"] == f"{nobody} cannot be reached (connection refused)"
    assert "exit 4: 1 of 2 addresses did not accept the test" in err


def test_without_channels_it_says_how_to_have_one(
    environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("STT_ALERTS_SEVERITY", "major")
    assert main.run(["alerts", "test"]) == 2
    err = capfd.readouterr().err
    assert "no alert channel is configured" in err
    assert "alerts.webhook" in err
