"""The command line of a test, and the control service that it asks."""

from __future__ import annotations

from typing import cast

import pytest

from stt_cli import main
from stt_shared import clock
from stt_shared.bus.port import Bus
from stt_shared.command import client, control
from stt_shared.settings import NatsSettings
from tests.support.cli import samples
from tests.support.cli.service import Service, Stt


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    found = Service()

    async def open_bus(_: NatsSettings) -> Bus:
        return cast("Bus", found)

    monkeypatch.setattr(main, "entry_points", lambda **_: ())  # neither half is asked here
    monkeypatch.setattr(client, "open_bus", open_bus)
    monkeypatch.setattr(clock, "now", lambda: samples.NOW)
    monkeypatch.setattr(control, "POLL_S", 0.0)
    return found


@pytest.fixture
def stt(service: Service, capsys: pytest.CaptureFixture[str]) -> Stt:
    """Run a command line; its exit code, stdout, and the lines of stderr."""

    def run(*words: str) -> tuple[int, str, list[str]]:
        code = main.run(words)
        captured = capsys.readouterr()
        assert service.closed or not service.asked
        return code, captured.out, captured.err.splitlines()

    return run
